//! How much of each part stands in a report, and in which order parts give way.

/// A part of the report that can have less in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// The table of what ran and why.
    Rows,
    /// The chart of levels.
    Chart,
    /// The ends of logs.
    Tails,
    /// Metrics and parameters.
    Values,
    /// Names of failures, and how long any name may be.
    Names,
    /// Timings, warnings, environment.
    Rest,
}

/// Which rows stand in the table, and how many at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rows {
    /// All stages.
    All,
    /// Those that something happened to.
    Changed,
    /// The same with one row for each foreach or matrix group.
    Grouped(usize),
}

/// What there is of the chart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Chart {
    /// Its stages, while they can be drawn.
    Stages,
    /// Its groups.
    Groups,
    /// Only a table of so many levels.
    Counts(usize),
}

/// Of how many failures the ends of logs stand there, with how many lines of which length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tails {
    /// Failures.
    pub failures: usize,
    /// Lines of each.
    pub lines: usize,
    /// Characters of a line.
    pub width: usize,
}

const MANY: usize = usize::MAX;
// The ladder leads down in great steps; those between them are for what is given back, so that not much room stays empty.
const ROWS: [Rows; 11] = [
    Rows::All,
    Rows::Changed,
    Rows::Grouped(MANY),
    Rows::Grouped(1500),
    Rows::Grouped(700),
    Rows::Grouped(300),
    Rows::Grouped(100),
    Rows::Grouped(50),
    Rows::Grouped(20),
    Rows::Grouped(8),
    Rows::Grouped(0),
];
const CHART: [Chart; 7] =
    [Chart::Stages, Chart::Groups, Chart::Counts(1000), Chart::Counts(250), Chart::Counts(60), Chart::Counts(12), Chart::Counts(0)];
const TAILS: [(usize, usize, usize); 9] =
    [(MANY, MANY, 4000), (100, 50, 500), (60, 50, 500), (30, 50, 500), (20, 40, 300), (10, 30, 240), (5, 15, 160), (2, 6, 120), (0, 0, 0)];
const VALUES: [usize; 9] = [MANY, 1000, 400, 200, 100, 50, 20, 10, 0];
/// How many failures are named, and how long names are.
const NAMES: [(usize, usize); 6] = [(MANY, LONG), (500, LONG), (100, 120), (30, 80), (8, 48), (3, 32)];
/// Longer names are never read: they lose their middle even where there is room.
const LONG: usize = 200;
/// How many warnings are shown.
const REST: [usize; 7] = [MANY, 200, 60, 25, 10, 3, 0];

/// The steps down: what is told elsewhere in short gives way before what is told nowhere else.
pub const LADDER: [(Part, usize); 25] = [
    (Part::Rows, 1),
    (Part::Rows, 2),
    (Part::Chart, 1),
    (Part::Chart, 4),
    (Part::Tails, 3),
    (Part::Tails, 5),
    (Part::Values, 3),
    (Part::Rest, 4),
    (Part::Rows, 6),
    (Part::Names, 2),
    (Part::Tails, 6),
    (Part::Values, 5),
    (Part::Rows, 8),
    (Part::Chart, 5),
    (Part::Names, 3),
    (Part::Rest, 5),
    (Part::Tails, 7),
    (Part::Values, 7),
    (Part::Rows, 10),
    (Part::Chart, 6),
    (Part::Rest, 6),
    (Part::Names, 4),
    (Part::Tails, 8),
    (Part::Values, 8),
    (Part::Names, 5),
];

/// In this order parts get back what there is room for.
pub const WORTH: [Part; 6] = [Part::Names, Part::Tails, Part::Values, Part::Rows, Part::Chart, Part::Rest];

/// How far each part has given way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Detail([usize; 6]);

impl Detail {
    /// After so many steps of the ladder.
    pub fn after(steps: usize) -> Self {
        LADDER[..steps].iter().fold(Self::default(), |detail, (part, level)| detail.with(*part, *level))
    }

    /// How far this one has.
    pub fn level(&self, part: Part) -> usize {
        self.0[part as usize]
    }

    /// The same but for one part.
    pub fn with(mut self, part: Part, level: usize) -> Self {
        self.0[part as usize] = level;
        self
    }

    pub fn rows(&self) -> Rows {
        ROWS[self.level(Part::Rows)]
    }

    pub fn chart(&self) -> Chart {
        CHART[self.level(Part::Chart)]
    }

    pub fn tails(&self) -> Tails {
        let (failures, lines, width) = TAILS[self.level(Part::Tails)];
        Tails { failures, lines, width }
    }

    pub fn values(&self) -> usize {
        VALUES[self.level(Part::Values)]
    }

    pub fn named(&self) -> usize {
        NAMES[self.level(Part::Names)].0
    }

    pub fn name_length(&self) -> usize {
        NAMES[self.level(Part::Names)].1
    }

    /// Whether names are shorter than any need be.
    pub fn cuts_names(&self) -> bool {
        self.name_length() < LONG
    }

    pub fn rest(&self) -> usize {
        REST[self.level(Part::Rest)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_leads_down_to_the_least() {
        let mut detail = Detail::default();
        for (part, level) in LADDER {
            assert!(level > detail.level(part), "{part:?}");
            detail = detail.with(part, level);
        }
        assert_eq!((detail.rows(), detail.chart(), detail.tails().failures), (Rows::Grouped(0), Chart::Counts(0), 0));
        assert_eq!((detail.values(), detail.named(), detail.rest()), (0, 3, 0));
    }
}
