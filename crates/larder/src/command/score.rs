//! `score`: the scores of anybody's gold and predictions.

use larder_run::tasks;

use super::Context;
use crate::cli::ScoreArgs;
use crate::failure::Failure;
use crate::tables;

pub fn score(context: &Context, args: &ScoreArgs) -> Result<(), Failure> {
    let scores = tasks::of(args.task).score_file(&args.scored_file()?)?;
    if context.json {
        let json = scores.json();
        return context.print(&json.map_err(Failure::json)?);
    }
    context.print(&tables::file_scores(scores.as_ref()))
}
