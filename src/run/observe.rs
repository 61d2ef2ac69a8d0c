//! What the disk says of a stage, for the judgement whether it must run.

use crate::model::{Fault, Observed, Seen, SeenOut};

use super::job::Job;

impl Job<'_> {
    /// What the stage reads. Of a frozen stage nothing is looked at: it does not count.
    ///
    /// # Errors
    /// Something cannot be read.
    pub fn observe_inputs(&self) -> Result<Observed, Fault> {
        let mut observed = Observed::default();
        if self.stage.frozen {
            return Ok(observed);
        }
        for dep in self.stage.deps.iter().filter(|dep| dep.foreign.is_none()) {
            observed.deps.push(self.disk().look(&dep.path, self.recorded_dep(&dep.def_path))?);
        }
        for params in &self.stage.params {
            observed.params.push(self.disk().params(params)?);
        }
        Ok(observed)
    }

    /// What the stage writes. An output whose recorded content the cache lacks is not hashed: it
    /// counts as changed whatever it holds.
    ///
    /// # Errors
    /// Something cannot be read.
    pub fn observe_outs(&self) -> Result<Vec<SeenOut>, Fault> {
        let mut seen = Vec::with_capacity(self.stage.outs.len());
        for out in &self.stage.outs {
            let recorded = self.recorded_out(&out.def_path);
            let in_cache = match recorded.filter(|_| out.cache) {
                Some(digest) => self.disk().in_cache(digest)?,
                None => true,
            };
            let now = if in_cache { self.disk().look(&out.path, recorded)? } else { Seen::Missing };
            seen.push(SeenOut { seen: now, in_cache });
        }
        Ok(seen)
    }
}
