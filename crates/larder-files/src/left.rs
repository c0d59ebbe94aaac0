//! Removal of the temporary files that killed processes left.

use std::path::Path;

use crate::atomic::{remove_abandoned, remove_temporaries};
use crate::{Parts, Provenance};

/// Removes what killed processes left beside `target`: temporary files, and the parts that it was made of. What a process
/// still works on is left alone, and so are parts of another file of that name, made from something else than
/// `made_from`: a later run goes on from them.
///
/// Whoever finds that a file is up to date calls this. Nobody else would: the process that made it was killed between
/// giving it its name and removing its parts, and no later one makes it again.
pub fn remove_left_beside(target: &Path, made_from: &Provenance) {
    remove_temporaries(target);
    Parts::remove_left(target, made_from);
}

/// Removes the temporary files that killed processes left in a folder, whatever they were to be.
pub fn remove_left_in(folder: &Path) {
    remove_abandoned(folder, ".");
}
