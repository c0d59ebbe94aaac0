//! How the training of a perceptron went.

use larder_pipeline::MlpRecord;
use larder_train::TUNING_RULE;

use super::gain;
use crate::format::count;

/// The epoch that was kept, in a line.
pub fn course(head: &MlpRecord) -> String {
    let Some(best) = head.epochs.get(head.best) else { return String::new() };
    let kept = format!("epoch {} of {} kept (at most {})", best.epoch, head.epochs.len(), head.settings.epochs);
    let own = head.train_scores.accuracy;
    let (Some(score), Some(loss), Some(held_out)) = (best.score, best.held_out_loss, &head.held_out_scores) else {
        return format!("{kept}; accuracy {own:.3} on its own rows");
    };
    let mut text = format!(
        "{kept}: {} {score:.3} on {} held-out rows of train, loss {loss:.3}; accuracy {own:.3} on its own rows, {:.3} on those",
        head.settings.metric,
        count(head.held_out_rows as u64),
        held_out.accuracy,
    );
    if let (Some(threshold), Some(_)) = (best.threshold, best.threshold_gain) {
        text.push_str(&format!(
            "\nthreshold {threshold:.3}: tuning gains {} on held-out rows; {TUNING_RULE}",
            gain(best.threshold_gain)
        ));
    }
    text
}
