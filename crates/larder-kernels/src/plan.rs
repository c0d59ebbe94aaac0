//! Work that is divided into tasks.

use crate::shared::Claims;

/// Work divided into tasks, which write disjoint parts of its output: they run on any threads in any order, each once, and how the work is
/// divided changes no bit of the result. A plan owns no threads.
pub trait Plan: Sync {
    /// The number of tasks; none where there is nothing to write.
    fn tasks(&self) -> usize;

    /// Runs a task on this thread, unless it has been begun before.
    ///
    /// # Panics
    ///
    /// When there is no such task.
    fn run_task(&self, task: usize);

    /// Runs the tasks that have not been begun, on this thread.
    fn run(&self) {
        (0..self.tasks()).for_each(|task| self.run_task(task));
    }
}

/// The tasks of a plan.
pub(crate) trait Tasks: Sync {
    /// The tasks that have been begun.
    fn claims(&self) -> &Claims;

    /// Computes a task, which nobody else does.
    fn compute(&self, task: usize);
}

impl<T: Tasks> Plan for T {
    fn tasks(&self) -> usize {
        self.claims().len()
    }

    fn run_task(&self, task: usize) {
        if self.claims().claim(task) {
            self.compute(task);
        }
    }
}
