//! How the training of a perceptron went.

use larder_pipeline::MlpRecord;

use crate::format::count;

/// The epoch that was kept, in a line.
pub fn course(head: &MlpRecord) -> String {
    let Some(best) = head.epochs.get(head.best) else { return String::new() };
    format!(
        "epoch {} of {} kept (at most {}): {} {:.3} on {} held-out rows of train, loss {:.3}; accuracy {:.3} on its own rows, \
         {:.3} on those",
        best.epoch,
        head.epochs.len(),
        head.settings.epochs,
        head.settings.metric,
        best.score,
        count(head.held_out_rows as u64),
        best.held_out_loss,
        head.train_scores.accuracy,
        head.held_out_scores.accuracy,
    )
}
