//! Groups of stages that one piece of dvc.yaml makes: `foreach` over lists, maps and expressions,
//! `matrix` with values of all kinds.

use std::fmt::Write as _;

use fastrand::Rng;

/// What the stages of a group are made from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Over {
    /// `foreach: [..]`
    List,
    /// `foreach: ${..}`, a list in the variables.
    ListVar,
    /// `foreach: {..}`
    Map,
    /// `foreach: ${..}`, a map in the variables.
    MapVar,
    /// `matrix`, with values written out.
    Matrix,
    /// `matrix`, one dimension from the variables.
    MatrixVar,
}

/// A group.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// What it is made from.
    pub over: Over,
    /// The items as YAML.
    pub items: Vec<&'static str>,
    /// Stands in the command.
    pub salt: u32,
    /// Whether the stages have a parameter.
    pub param: bool,
}

/// Items whose texts are all different, also as names of files.
const ITEMS: &[&str] = &["p", "q", "r", "1", "2.50", "1e-5", "true", "False", "x y", "'007'", "ünï", "-3", "1.0"];

impl Group {
    /// A random one.
    pub fn random(rng: &mut Rng, number: u32) -> Self {
        let over = *rng.choice(&[Over::List, Over::ListVar, Over::Map, Over::MapVar, Over::Matrix, Over::MatrixVar]).unwrap();
        let mut group = Self { name: format!("g{number}"), over, items: vec!["p"], salt: 1, param: rng.u8(..3) == 0 };
        for _ in 0..rng.usize(..3) {
            group.grow(rng);
        }
        group
    }

    /// Adds an item at some place.
    pub fn grow(&mut self, rng: &mut Rng) {
        let item = rng.choice(ITEMS).unwrap();
        if !self.items.contains(item) {
            self.items.insert(rng.usize(..=self.items.len()), item);
        }
    }

    /// How many stages it makes.
    pub fn count(&self) -> usize {
        if matches!(self.over, Over::Matrix | Over::MatrixVar) { self.items.len() * 2 } else { self.items.len() }
    }

    /// A stage of it by name, and its output, if that can be told easily.
    pub fn member(&self, rng: &mut Rng) -> Option<(String, String)> {
        let key = match self.over {
            Over::List | Over::ListVar => (*rng.choice(self.items.iter().filter(|item| item.len() == 1).collect::<Vec<_>>())?).to_owned(),
            Over::Map | Over::MapVar => "k0".to_owned(),
            Over::Matrix | Over::MatrixVar => return None,
        };
        Some((format!("{}@{key}", self.name), format!("made/{}-{key}", self.name)))
    }

    /// Its part of the variables, if it has one.
    pub fn vars(&self) -> String {
        let name = &self.name;
        match self.over {
            Over::ListVar | Over::MatrixVar => format!("{name}: [{}]\n", self.items.join(", ")),
            Over::MapVar => format!("{name}: {}\n", self.map()),
            Over::List | Over::Map | Over::Matrix => String::new(),
        }
    }

    fn map(&self) -> String {
        let entries: Vec<String> = self.items.iter().enumerate().map(|(at, item)| format!("k{at}: {{v: {item}, w: [{item}]}}")).collect();
        format!("{{{}}}", entries.join(", "))
    }

    /// Its part of dvc.yaml.
    pub fn yaml(&self) -> String {
        let (name, items) = (&self.name, self.items.join(", "));
        let mut text = format!("  {name}:\n");
        let (key, seen, pad) = match self.over {
            Over::List => ("item", "${item}", "  "),
            Over::ListVar => ("item", "${item}", "  "),
            Over::Map | Over::MapVar => ("key", "${key} ${item.v} ${item.w[0]}", "  "),
            Over::Matrix | Over::MatrixVar => ("key", "${item.x} ${item.y.n}", ""),
        };
        let _ = match self.over {
            Over::List => writeln!(text, "    foreach: [{items}]\n    do:"),
            Over::ListVar | Over::MapVar => writeln!(text, "    foreach: ${{{name}}}\n    do:"),
            Over::Map => writeln!(text, "    foreach: {}\n    do:", self.map()),
            Over::Matrix => writeln!(text, "    matrix:\n      x: [{items}]\n      y: [{{n: 1}}, {{n: [2.0, a]}}]"),
            Over::MatrixVar => writeln!(text, "    matrix:\n      x: ${{{name}}}\n      y:\n      - n: 0.1\n      - n: true"),
        };
        // The second value of a written matrix is a list, which only an option may be.
        let seen = if self.over == Over::Matrix { "${item.x} ${item.y}" } else { seen };
        let _ = writeln!(text, "{pad}    cmd: (echo '{seen}' {}; cat in.txt) | cksum > 'made/{name}-${{{key}}}'", self.salt);
        let _ = writeln!(text, "{pad}    deps: [in.txt]\n{pad}    outs:\n{pad}    - made/{name}-${{{key}}}");
        if self.param {
            let _ = writeln!(text, "{pad}    params: [lr]");
        }
        text
    }
}
