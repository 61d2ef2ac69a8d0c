//! What the hooks of git do when git calls them: judge what is pushed or committed, and bring outputs to
//! what a checkout asks for.
//!
//! They read git's objects, not the work tree, and write neither the index nor references. How much
//! what matters is said in the paraffin.yaml of what is judged.

pub mod checkout;
pub mod commit;
pub mod push;
pub mod send;
