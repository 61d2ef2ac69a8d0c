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
const ROWS: [Rows; 6] = [Rows::All, Rows::Changed, Rows::Grouped(MANY), Rows::Grouped(100), Rows::Grouped(20), Rows::Grouped(0)];
const CHART: [Chart; 5] = [Chart::Stages, Chart::Groups, Chart::Counts(60), Chart::Counts(12), Chart::Counts(0)];
const TAILS: [(usize, usize, usize); 6] = [(MANY, MANY, 4000), (30, 50, 500), (10, 30, 240), (5, 15, 160), (2, 6, 120), (0, 0, 0)];
const VALUES: [usize; 5] = [1000, 200, 50, 10, 0];
/// How many failures are named, and how long names are.
const NAMES: [(usize, usize); 5] = [(500, 200), (100, 120), (30, 80), (8, 48), (3, 32)];
/// How many warnings and stages of the critical path are shown.
const REST: [usize; 4] = [60, 10, 3, 0];

/// The steps down: what is told elsewhere in short gives way before what is told nowhere else.
pub const LADDER: [(Part, usize); 25] = [
    (Part::Rows, 1),
    (Part::Rows, 2),
    (Part::Chart, 1),
    (Part::Chart, 2),
    (Part::Tails, 1),
    (Part::Tails, 2),
    (Part::Values, 1),
    (Part::Rest, 1),
    (Part::Rows, 3),
    (Part::Names, 1),
    (Part::Tails, 3),
    (Part::Values, 2),
    (Part::Rows, 4),
    (Part::Chart, 3),
    (Part::Names, 2),
    (Part::Rest, 2),
    (Part::Tails, 4),
    (Part::Values, 3),
    (Part::Rows, 5),
    (Part::Chart, 4),
    (Part::Rest, 3),
    (Part::Names, 3),
    (Part::Tails, 5),
    (Part::Values, 4),
    (Part::Names, 4),
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

    pub fn rest(&self) -> usize {
        REST[self.level(Part::Rest)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_leads_down_to_the_least_one_step_at_a_time() {
        let mut detail = Detail::default();
        for (part, level) in LADDER {
            assert_eq!(level, detail.level(part) + 1, "{part:?}");
            detail = detail.with(part, level);
        }
        assert_eq!((detail.rows(), detail.chart(), detail.tails().failures), (Rows::Grouped(0), Chart::Counts(0), 0));
        assert_eq!((detail.values(), detail.named(), detail.rest()), (0, 3, 0));
    }
}
