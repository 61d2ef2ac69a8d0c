//! What the disk says of a stage, for the judgement whether it must run.

use crate::model::{Fault, Observed, Record, Seen, SeenOut, SeenParams, Stage};
use crate::plan::judge::{recorded_dep, recorded_out};

use super::disk::Disk;

impl Disk {
    /// What the stage reads. Of a frozen stage nothing is looked at: it does not count.
    ///
    /// # Errors
    /// Something cannot be read.
    pub fn observe_inputs(&self, stage: &Stage, record: Option<&Record>) -> Result<Observed, Fault> {
        let mut observed = Observed::default();
        if stage.frozen {
            return Ok(observed);
        }
        for dep in &stage.deps {
            observed.deps.push(self.look(&dep.path, recorded_dep(stage, record, &dep.def_path))?);
        }
        for params in &stage.params {
            let recorded = record.is_some_and(|record| record.params.contains_key(&params.def_path));
            observed.params.push(match self.params(params) {
                // Nothing is compared with it, so what is wrong with the file is told when the
                // stage runs.
                Err(_) if !recorded => SeenParams::Values(Vec::new()),
                seen => seen?,
            });
        }
        Ok(observed)
    }

    /// What the stage writes. An output whose recorded content the cache lacks is not hashed: it
    /// counts as changed whatever it holds.
    ///
    /// # Errors
    /// Something cannot be read.
    pub fn observe_outs(&self, stage: &Stage, record: Option<&Record>) -> Result<Vec<SeenOut>, Fault> {
        let mut seen = Vec::with_capacity(stage.outs.len());
        for out in &stage.outs {
            let recorded = recorded_out(stage, record, &out.def_path);
            let in_cache = match recorded.filter(|_| out.cache) {
                Some(digest) => self.in_cache(digest)?,
                None => true,
            };
            let now = if in_cache { self.look(&out.path, recorded)? } else { Seen::Missing };
            seen.push(SeenOut { seen: now, in_cache });
        }
        Ok(seen)
    }
}
