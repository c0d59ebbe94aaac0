//! From the features and tags of words to a tagging head.

use std::ops::Range;

use larder_tags::TagSet;
use ndarray::Array2;

use super::fit::{FINAL, SELECTION, TAGGER_TOLERANCE, measured, moments, problem, restandardise};
use super::head::{BLOCK_WORDS, TaggingHead};
use super::kind::TaggerKind;
use super::objective::{Objective, Scaling, Sentences};
use super::parameters::Layout;
use super::progress::TaggingProgress;
use super::scores::{TaggingScores, entities};
use super::select::{Choice, PARTS_OF_ONE, Search, candidates, chain_of, count, parts_of};
use super::selection::TaggingSelection;
use super::settings::{TaggerSolver, TaggingSettings, UNCHOSEN_TAGGING_C};
use super::source::{Reader, WordSource};
use super::stream::{Streamed, Survey, survey};
use crate::column::FeatureColumn;
use crate::error::TrainError;
use crate::lbfgs::norm;
use crate::logistic::{Convergence, Problem, Solver};
use crate::principal_axes::PrincipalAxes;
use crate::settings::{ThresholdChoice, unchosen_strength};
use crate::standardise::Standardiser;

/// Largest `words * width * classes` that the classifiers' solvers fit, to their own tolerance, which is stricter.
const BY_WORDS_LIMIT: usize = 4_000_000;

/// A trained tagging head and how it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainedTagger {
    /// The head, fitted on all sentences.
    pub head: TaggingHead,
    /// The selection table; `None` when there was nothing to choose, or nothing to choose by.
    pub selection: Option<TaggingSelection>,
    /// Why nothing was chosen though there was a choice, and what was taken, in words.
    pub unchosen: Option<String>,
    /// The convergence of the final fit, judged at [`TAGGER_TOLERANCE`](crate::TAGGER_TOLERANCE).
    /// For a streamed fit the steps are Adam's.
    pub convergence: Convergence,
    /// Scores on the sentences it was fitted on: compare with the selection's, to see how much is learnt by heart.
    pub train_scores: TaggingScores,
    /// True if the features were streamed, false if they were held in memory.
    pub streamed: bool,
    /// Deviations from the settings or from what was expected, in plain sentences.
    pub notes: Vec<String>,
}

/// Trains a tagging head on the words of `source`, whose gold classes are legal sequences of `tags`.
///
/// Columns, strength, class weight and the bias of `O` are chosen by strict micro F1 on held-out sentences of this
/// source and no other; the chosen head is fitted on all of them. Of too few sentences none are held out: all columns
/// side by side, [`UNCHOSEN_TAGGING_C`], no class weights and no bias are taken, unless others were asked for. Features larger
/// than
/// [`memory_bytes`](TaggingSettings::memory_bytes) are streamed. Same input and settings, same head, whatever the number
/// of threads.
///
/// # Errors
/// [`TrainError`] names the column and word of values that are not finite, the sentence and word of an illegal tag,
/// and settings that cannot work.
pub fn train_tagger(
    source: &dyn WordSource,
    tags: &TagSet,
    settings: &TaggingSettings,
    progress: &mut dyn FnMut(TaggingProgress<'_>),
) -> Result<TrainedTagger, TrainError> {
    let grid = settings.check()?;
    let reader = Reader::new(source)?;
    let mut notes = Vec::new();
    check_gold(&reader, tags, &mut notes)?;
    let bytes = reader.words() as u64 * reader.width as u64 * 4;
    let streamed = match settings.solver {
        TaggerSolver::Auto => bytes > settings.memory_bytes,
        TaggerSolver::Lbfgs => false,
        TaggerSolver::Adam => true,
    };
    let survey = if streamed { survey(&reader, settings, progress)? } else { load(&reader, settings, progress)? };
    let (chosen, choice) = choose(&reader, tags, settings, &grid, &survey, streamed, progress, &mut notes)?;

    progress(TaggingProgress::Fitting { candidate: &choice.candidate.name, c: choice.c });
    let parts = parts_of(source.columns(), &choice.candidate);
    let standardiser = survey.standardiser.select(&parts);
    let gold = source.classes().iter().copied();
    let (objective, cold) = problem(settings.kind, tags, standardiser.width(), choice.class_weight, gold);
    let warm = choice.warm.as_ref().map(|(point, old)| restandardise(objective.layout, point, old, &standardiser));
    let fit = Fit { reader: &reader, tags, settings, choice: &choice, objective, parts, standardiser };
    let (point, convergence, train_scores) =
        if streamed { fit.stream(survey, &cold, warm, progress)? } else { fit.in_memory(&survey, &cold, warm)? };
    if !convergence.objective.is_finite() || point.iter().any(|parameter| !parameter.is_finite()) {
        let names: Vec<&str> = source.columns().iter().map(|column| column.name.as_str()).collect();
        return Err(TrainError::Diverged { columns: names.join(", "), c: choice.c, objective: convergence.objective });
    }
    let head = fit.head(&point);
    let (selection, unchosen) = match chosen {
        SelectionOutcome::HeldOut(selection) => (Some(selection), None),
        SelectionOutcome::Fixed => (None, None),
        SelectionOutcome::TooFewSentences(why) => (None, Some(why)),
    };
    Ok(TrainedTagger { head, selection, unchosen, convergence, train_scores, streamed, notes })
}

/// Checks the gold classes, and notes which classes have no words.
fn check_gold(reader: &Reader<'_>, tags: &TagSet, notes: &mut Vec<String>) -> Result<(), TrainError> {
    let gold = reader.source.classes();
    if gold.is_empty() {
        return Err(TrainError::NoTags);
    }
    crate::head::check_labels(gold, tags.len())?;
    for sentence in 0..reader.sentences() {
        let mut previous = None;
        for (word, &class) in gold[reader.words_of(&(sentence..sentence + 1))].iter().enumerate() {
            if !tags.allowed(previous, class) {
                let previous = previous.map(|class| tags.name(class));
                return Err(TrainError::IllegalTags { sentence, word, previous, tag: tags.name(class) });
            }
            previous = Some(class);
        }
    }
    if gold.iter().all(|&class| class == 0) {
        return Err(TrainError::NoEntities { words: gold.len() });
    }
    let mut seen = vec![false; tags.len()];
    gold.iter().for_each(|&class| seen[class] = true);
    let missing: Vec<String> = (0..tags.len()).filter(|&class| !seen[class]).map(|class| tags.name(class)).collect();
    if !missing.is_empty() {
        notes.push(format!("no training word is tagged {}: never answered", missing.join(", ")));
    }
    Ok(())
}

/// All features, in memory.
fn load(
    reader: &Reader<'_>,
    settings: &TaggingSettings,
    progress: &mut dyn FnMut(TaggingProgress<'_>),
) -> Result<Survey, TrainError> {
    let mut values = Vec::new();
    values.reserve_exact(reader.words() * reader.width);
    for range in reader.ranges(0..reader.sentences(), BLOCK_WORDS) {
        reader.read(range.clone(), &mut values)?;
        progress(TaggingProgress::Reading { words: reader.starts[range.end], of: reader.words() });
    }
    let sentences: Vec<Range<usize>> =
        reader.starts.windows(2).filter(|ends| ends[1] > ends[0]).map(|ends| ends[0]..ends[1]).collect();
    let standardiser = match settings.standardise {
        true => moments(&values, reader.width, &sentences).standardiser(),
        false => Standardiser::identity(reader.width),
    };
    Ok(Survey { standardiser, values, sentences, gold: reader.source.classes().to_vec() })
}

/// The outcome of the selection.
enum SelectionOutcome {
    /// Chosen on held-out sentences.
    HeldOut(TaggingSelection),
    /// No choice: one candidate of each kind.
    Fixed,
    /// Too few sentences to hold any out: the reason, and the candidate used.
    TooFewSentences(String),
}

/// Chooses, if there is anything to choose.
#[expect(clippy::too_many_arguments, reason = "the parts of one decision, used once")]
fn choose(
    reader: &Reader<'_>,
    tags: &TagSet,
    settings: &TaggingSettings,
    grid: &[f64],
    survey: &Survey,
    streamed: bool,
    progress: &mut dyn FnMut(TaggingProgress<'_>),
    notes: &mut Vec<String>,
) -> Result<(SelectionOutcome, Choice), TrainError> {
    let columns = reader.source.columns();
    let candidates = candidates(columns, settings.columns);
    let class_weights = settings.class_weights();
    let choices = candidates.len() * grid.len() * class_weights.len();
    let found = survey.sentences.len();
    // One fifth once, or each part in turn: of fewer sentences than parts, each sentence.
    let (folds, parts) = match settings.folds {
        1 => (1, PARTS_OF_ONE),
        folds => (folds.min(found), folds.min(found.max(2))),
    };
    let is_fixed = choices == 1 && settings.outside_bias == ThresholdChoice::Half;
    if is_fixed || found < parts {
        // The last one has all columns.
        let candidate = candidates.into_iter().next_back().expect("there is a column");
        let (class_weight, c) = (class_weights[0], unchosen_strength(grid, UNCHOSEN_TAGGING_C));
        let chosen = match is_fixed {
            true => SelectionOutcome::Fixed,
            false => SelectionOutcome::TooFewSentences(format!(
                "{found} training sentence(s) with words cannot be parted into {parts}: {}, C = {c}, class weight \
                 {class_weight}, nothing added to the score of `O`; nothing tells how the head does on sentences that it \
                 has not seen",
                candidate.name
            )),
        };
        return Ok((chosen, Choice { candidate, class_weight, c, outside_bias: 0.0, warm: None }));
    }
    if folds < settings.folds {
        notes.push(format!("{folds} folds instead of {}: there are {found} sentences to hold out", settings.folds));
    }
    if streamed {
        let sentences = reader.starts.windows(2).filter(|ends| ends[1] > ends[0]).count();
        if survey.sentences.len() < sentences {
            notes.push(format!(
                "strengths were compared on a sample of {} of {sentences} sentences, which fits into memory",
                survey.sentences.len()
            ));
        }
    }
    let Survey { values, sentences, gold, .. } = survey;
    let search = Search { tags, settings, folds, grid, columns, values, stride: reader.width, sentences, gold };
    let (selection, choice) = search.run(&candidates, &mut |candidate, candidates, entry| {
        progress(TaggingProgress::Scored { candidate, candidates, entry });
    })?;
    Ok((SelectionOutcome::HeldOut(selection), choice))
}

/// The fit that is kept.
struct Fit<'a> {
    reader: &'a Reader<'a>,
    tags: &'a TagSet,
    settings: &'a TaggingSettings,
    choice: &'a Choice,
    objective: Objective,
    parts: Vec<Range<usize>>,
    standardiser: Standardiser,
}

impl Fit<'_> {
    fn data<'s>(&'s self, survey: &'s Survey, scaling: &'s Scaling) -> Sentences<'s> {
        Sentences {
            values: &survey.values,
            stride: self.reader.width,
            parts: &self.parts,
            standardiser: scaling,
            sentences: &survey.sentences,
            gold: &survey.gold,
        }
    }

    fn in_memory(
        &self,
        survey: &Survey,
        cold: &[f64],
        warm: Option<Vec<f64>>,
    ) -> Result<(Vec<f64>, Convergence, TaggingScores), TrainError> {
        let scaling = Scaling::new(&self.standardiser);
        let data = self.data(survey, &scaling);
        let (point, convergence) = match self.by_words(survey)? {
            Some(solved) => solved,
            None => {
                let mut descent = self.objective.start(&data, self.choice.c, cold, warm);
                self.objective.descend(&data, &mut descent, FINAL);
                let solvers = vec![Solver::Lbfgs];
                let slope = norm(&descent.gradient);
                let convergence = measured(solvers, descent.iterations, descent.cost, slope, descent.reference_norm);
                let mut point = descent.point;
                self.objective.centre(&mut point);
                (point, convergence)
            }
        };
        let chain = chain_of(&self.objective, self.settings.kind, &point);
        let emissions = self.objective.emissions(&data, &point);
        let gold = entities(self.tags, survey.sentences.iter().map(|rows| &survey.gold[rows.clone()]));
        let bias = self.choice.outside_bias;
        let counts = count(self.tags, &chain, &emissions, bias, &survey.sentences, &gold);
        Ok((point, convergence, counts.scores()))
    }

    /// A logistic head on a small dataset is an ordinary classifier of words: the solvers of those fit it, in float64.
    fn by_words(&self, survey: &Survey) -> Result<Option<(Vec<f64>, Convergence)>, TrainError> {
        let Layout { classes, width, .. } = self.objective.layout;
        let answered: Vec<usize> = (0..classes).filter(|&class| self.objective.rules.answerable[class]).collect();
        let words = survey.gold.len();
        // Two classes would have one output, and so another penalty than three.
        if self.settings.kind != TaggerKind::Logistic || answered.len() < 3 || words * width * classes > BY_WORDS_LIMIT
        {
            return Ok(None);
        }
        let rows = survey.values.chunks_exact(self.reader.width);
        let values = rows.flat_map(|row| self.parts.iter().flat_map(|part| row[part.clone()].iter().copied()));
        let values = Array2::from_shape_vec((words, width), values.collect()).expect("one row a word");
        let column = FeatureColumn::new(self.choice.candidate.name.clone(), values);
        let place = |class: usize| answered.iter().position(|&other| other == class).expect("gold classes have words");
        let labels: Vec<usize> = survey.gold.iter().map(|&class| place(class)).collect();
        let (found, mut convergence) = Problem {
            columns: &[&column],
            standardiser: &self.standardiser,
            axes: PrincipalAxes::unturned(),
            labels: &labels,
            classes: answered.len(),
            class_weight: self.choice.class_weight,
            c: self.choice.c,
        }
        .solve()?;
        convergence.converged = convergence.relative_gradient_norm <= TAGGER_TOLERANCE;
        let layout = self.objective.layout;
        let mut point = vec![0.0; layout.len()];
        for (place, &class) in answered.iter().enumerate() {
            point[class * width..(class + 1) * width].copy_from_slice(&found[place * width..(place + 1) * width]);
            point[layout.bias()][class] = found[answered.len() * width + place];
        }
        Ok(Some((point, convergence)))
    }

    fn stream(
        &self,
        survey: Survey,
        cold: &[f64],
        warm: Option<Vec<f64>>,
        progress: &mut dyn FnMut(TaggingProgress<'_>),
    ) -> Result<(Vec<f64>, Convergence, TaggingScores), TrainError> {
        let scaling = Scaling::new(&self.standardiser);
        let start = {
            let data = self.data(&survey, &scaling);
            let mut descent = self.objective.start(&data, self.choice.c, cold, warm);
            self.objective.descend(&data, &mut descent, SELECTION);
            descent.point
        };
        // Its memory is the buffer's now.
        drop(survey);
        let streamed = Streamed {
            reader: self.reader,
            tags: self.tags,
            settings: self.settings,
            parts: &self.parts,
            scaling: &scaling,
            objective: &self.objective,
            c: self.choice.c,
            outside_bias: self.choice.outside_bias,
        };
        let (point, steps) = streamed.descend(start, progress)?;
        let (convergence, counts) = streamed.judge(&point, cold, steps, progress)?;
        Ok((point, convergence, counts.scores()))
    }

    fn head(self, point: &[f64]) -> TaggingHead {
        let Self { reader, tags, settings, choice, objective, parts: _, standardiser } = self;
        let Objective { layout, rules, .. } = objective;
        let classes = layout.classes;
        let matrix = |values: &[f64], columns: usize| {
            Array2::from_shape_vec((classes, columns), values.to_vec()).expect("the layout says how many there are")
        };
        let columns = reader.source.columns();
        TaggingHead {
            kind: settings.kind,
            tags: tags.clone(),
            columns: choice.candidate.columns.iter().map(|&at| columns[at].clone()).collect(),
            weights: matrix(&point[layout.weights()], layout.width),
            bias: point[layout.bias()].to_vec(),
            transitions: match layout.chain {
                true => matrix(&point[layout.transitions()], classes),
                false => Array2::zeros((classes, classes)),
            },
            start: if layout.chain { point[layout.start()].to_vec() } else { vec![0.0; classes] },
            seen_in_training: rules.answerable,
            standardiser,
            outside_bias: choice.outside_bias,
            class_weight: choice.class_weight,
            c: choice.c,
        }
    }
}
