//! The unit of encoding, whose rows are kept or lost together: a text, or a sentence of words with its windows.

use larder_onnx::WordPool;
use larder_store::{InputDigest, Level, TextAlone};
use larder_tokens::{TextWindows, TokensError, own_tokens, windows};

use crate::EncoderInput;

/// The settings that make units from sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WindowSettings {
    pub(crate) level: Level,
    /// Tokens that the encoder reads, special tokens included.
    pub(crate) max_tokens: usize,
    /// Tokens from one window's start to the next; `None` for half a window.
    pub(crate) stride: Option<usize>,
    /// True if special tokens are rows too, those of every window, at the level of tokens.
    pub(crate) special_tokens: bool,
    /// Sentences: the windows of texts that are longer; `None` where no text is.
    pub(crate) texts: Option<TextWindows>,
}

/// A tokenized sentence, borrowed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sentence<'a> {
    /// `[seq]`
    pub(crate) input_ids: &'a [i32],
    /// `[seq]`, or empty where all are zero.
    pub(crate) type_ids: &'a [i32],
    /// True if it is a pair of texts.
    pub(crate) pair: bool,
    /// `[seq]`; empty for sentence vectors, which do not need them.
    pub(crate) word_ids: &'a [i32],
    /// Words, those without tokens included.
    pub(crate) words: usize,
    /// The texts of a pair that are to be read by themselves.
    pub(crate) alone: Option<&'a [TextAlone; 2]>,
}

impl Sentence<'_> {
    /// Returns the reason why its words or token types cannot be found; `None` if they can.
    pub(crate) fn problem(&self) -> Option<String> {
        let (words, types, tokens) = (self.word_ids.len(), self.type_ids.len(), self.input_ids.len());
        if words != tokens {
            return Some(format!("has {words} word_ids for {tokens} input_ids"));
        }
        (types != 0 && types != tokens).then(|| format!("has {types} type_ids for {tokens} input_ids"))
    }
}

/// The inputs that one text or sentence is read as, and the rows that they fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EncodeUnit {
    pub(crate) inputs: Vec<UnitInput>,
    /// Rows that the unit has in the features file.
    pub(crate) rows: usize,
    /// The place in the sentence of each row's token, special ones included, at the level of tokens. Empty at other
    /// levels.
    pub(crate) tokens: Vec<usize>,
}

/// One input with the rows that come from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnitInput {
    pub(crate) input_ids: Vec<i32>,
    pub(crate) type_ids: Vec<i32>,
    pub(crate) spans: Vec<TokenSpan>,
    /// Tokens not already covered by an earlier window; used for progress.
    pub(crate) new_tokens: usize,
    /// The text of its pair that it is, where each is read by itself: 0 or 1. Else 0.
    pub(crate) text: usize,
    /// The windows of its text, of which it is one; 1 where it is the whole text. Windows of a text follow each other.
    pub(crate) windows: usize,
}

/// The tokens of an input that one row of its unit is pooled from. A pooled output needs no tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TokenSpan {
    /// Row of the unit.
    pub(crate) row: u32,
    /// First token, as a place in the input.
    pub(crate) start: u32,
    /// Behind the last one.
    pub(crate) end: u32,
}

impl UnitInput {
    pub(crate) fn input(&self) -> EncoderInput<'_> {
        let type_ids = (!self.type_ids.is_empty()).then_some(self.type_ids.as_slice());
        EncoderInput { input_ids: &self.input_ids, type_ids }
    }
}

impl EncodeUnit {
    /// One row: a text, or both texts of a pair, each read by itself.
    fn text(sentence: &Sentence<'_>, long: Option<&TextWindows>) -> Result<Self, TokensError> {
        let mut inputs = Vec::new();
        match sentence.alone {
            None => UnitInput::of_text(0, sentence.input_ids, sentence.type_ids, (long, 0), &mut inputs)?,
            Some(texts) => {
                for (text, TextAlone { input_ids, type_ids, .. }) in texts.iter().enumerate() {
                    UnitInput::of_text(text, input_ids, type_ids, (long, 0), &mut inputs)?;
                }
            }
        }
        Ok(Self { inputs, rows: 1, tokens: Vec::new() })
    }

    /// A sentence in rows of words or tokens. `before` and `after` are its neighbours' own tokens, nearest first.
    ///
    /// A word without tokens takes the vector of the nearest word that has some, of two the left one; where no word has
    /// any, that of the first token.
    pub(crate) fn of(
        sentence: &Sentence<'_>,
        settings: &WindowSettings,
        before: &[&[i32]],
        after: &[&[i32]],
    ) -> Result<Self, TokensError> {
        if settings.level == Level::Sentence {
            return Self::text(sentence, settings.texts.as_ref());
        }
        // The texts of a pair belong together: one that is too long is left whole, and refused.
        let whole = if sentence.pair { sentence.input_ids.len() } else { 0 };
        let mut windows = windows(sentence.word_ids, settings.max_tokens.max(whole), settings.stride)?;
        if let [window] = &mut windows[..] {
            *window = window.clone().with_context(settings.max_tokens, before, after);
        }
        // (window, first token there, behind the last one) of each row
        let mut places: Vec<(usize, usize, usize)> = Vec::new();
        let mut tokens = Vec::new();
        let own = own_tokens(sentence.word_ids);
        let assigned =
            windows.iter().enumerate().flat_map(|(at, window)| window.assigned.iter().map(move |t| (at, window, t)));
        if settings.level == Level::Token && settings.special_tokens {
            for (at, window) in windows.iter().enumerate() {
                let behind = window.len() - window.trailing.len();
                let leading = window.leading.clone().enumerate();
                let body = window.body.clone().map(|token| (window.place(token), token));
                let trailing = window.trailing.clone().zip(behind..).map(|(token, place)| (place, token));
                for (place, token) in leading.chain(body).chain(trailing) {
                    places.push((at, place, place + 1));
                    tokens.push(token);
                }
            }
        } else if settings.level == Level::Token {
            let mut assigned: Vec<_> =
                assigned.flat_map(|(at, w, t)| t.tokens.clone().map(move |k| (k, at, w))).collect();
            assigned.sort_by_key(|&(token, ..)| token);
            for (token, at, window) in assigned {
                let place = window.place(token);
                places.push((at, place, place + 1));
                tokens.push(token);
            }
        } else {
            let mut words = vec![None; sentence.words];
            for (at, window, assigned) in assigned {
                let place = window.place(assigned.tokens.start);
                if let Some(word) = usize::try_from(assigned.word).ok().and_then(|word| words.get_mut(word)) {
                    word.get_or_insert((at, place, place + assigned.tokens.len()));
                }
            }
            places.extend(nearest(&words).into_iter().map(|place| place.unwrap_or((0, 0, 1))));
        }
        let mut covered = 0;
        let mut inputs: Vec<UnitInput> = Vec::with_capacity(windows.len());
        for window in &windows {
            let input_ids = window.input_ids(sentence.input_ids);
            let types = sentence.type_ids;
            let type_ids = if types.is_empty() { Vec::new() } else { window.type_ids(types) };
            let until = if window.body.end == own.end { sentence.input_ids.len() } else { window.body.end };
            let new_tokens = until - covered;
            covered = until;
            inputs.push(UnitInput { input_ids, type_ids, spans: Vec::new(), new_tokens, text: 0, windows: 1 });
        }
        for (row, &(at, start, end)) in places.iter().enumerate() {
            let small = |n: usize| u32::try_from(n).expect("a sentence has fewer than 2^32 tokens");
            inputs[at].spans.push(TokenSpan { row: small(row), start: small(start), end: small(end) });
        }
        Ok(Self { inputs, rows: places.len(), tokens })
    }

    /// blake3 of everything that decides the unit's rows, cut to 128 bits. Of texts that is [`EncoderInput::digest`].
    pub(crate) fn digest(&self, level: Level) -> InputDigest {
        if let (Level::Sentence, [only]) = (level, &self.inputs[..]) {
            return only.input().digest();
        }
        let mut hasher = blake3::Hasher::new();
        let mut number = |n: u32| {
            hasher.update(&n.to_le_bytes());
        };
        if self.inputs.iter().any(|input| input.windows > 1) {
            // Which windows are pooled together: the rows of no other unit are so many.
            number(u32::MAX);
            self.inputs.iter().for_each(|input| number(input.windows as u32));
        }
        number(self.rows as u32);
        for input in &self.inputs {
            number(input.spans.len() as u32);
            for span in &input.spans {
                [span.row, span.start, span.end].into_iter().for_each(&mut number);
            }
            input.input().digest().chunks_exact(4).for_each(|four| {
                number(u32::from_le_bytes([four[0], four[1], four[2], four[3]]));
            });
        }
        let mut digest = InputDigest::default();
        digest.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        digest
    }

    /// Inputs that are windows of texts.
    pub(crate) fn text_windows(&self) -> usize {
        self.inputs.iter().filter(|input| input.windows > 1).count()
    }

    /// Tokens of all inputs.
    pub(crate) fn input_tokens(&self) -> usize {
        self.inputs.iter().map(|input| input.input_ids.len()).sum()
    }
}

impl UnitInput {
    /// Adds a text to `inputs`: whole, or in windows where `long` says so and it is longer. `prompt` of its tokens, those behind
    /// the special ones in front, belong to every window. `text` is its number in its pair.
    pub(crate) fn of_text(
        text: usize,
        input_ids: &[i32],
        type_ids: &[i32],
        (long, prompt): (Option<&TextWindows>, usize),
        inputs: &mut Vec<Self>,
    ) -> Result<(), TokensError> {
        let spans = || vec![TokenSpan { row: 0, start: 0, end: 0 }];
        let Some(long) = long.filter(|long| input_ids.len() > long.max_tokens()) else {
            let (new_tokens, input_ids, type_ids) = (input_ids.len(), input_ids.to_vec(), type_ids.to_vec());
            inputs.push(Self { input_ids, type_ids, spans: spans(), new_tokens, text, windows: 1 });
            return Ok(());
        };
        let windows = long.of(input_ids.len(), prompt)?;
        let mut covered = 0;
        inputs.extend(windows.iter().map(|window| Self {
            input_ids: window.of(input_ids),
            type_ids: if type_ids.is_empty() { Vec::new() } else { window.of(type_ids) },
            spans: spans(),
            new_tokens: window.end() - std::mem::replace(&mut covered, window.end()),
            text,
            windows: windows.len(),
        }));
        Ok(())
    }
}

/// Each entry, or the nearest one that is there; of two equally near the left one.
fn nearest<T: Copy>(entries: &[Option<T>]) -> Vec<Option<T>> {
    let there: Vec<usize> = (0..entries.len()).filter(|&at| entries[at].is_some()).collect();
    (0..entries.len())
        .map(|at| {
            let right = there.partition_point(|&other| other < at);
            let candidates = [right.checked_sub(1), Some(right)].into_iter().flatten().filter_map(|i| there.get(i));
            // The first of equal ones, which is the left.
            candidates.min_by_key(|&&other| at.abs_diff(other)).and_then(|&other| entries[other])
        })
        .collect()
}

/// Pools the rows of one input out of its tokens' vectors, `[seq, hidden]`, behind what `into` holds.
pub(crate) fn pool(tokens: &[f32], hidden: usize, spans: &[TokenSpan], pool: WordPool, into: &mut Vec<f32>) {
    let vector = |token: u32| &tokens[token as usize * hidden..(token as usize + 1) * hidden];
    for span in spans {
        match pool {
            WordPool::First => into.extend_from_slice(vector(span.start)),
            WordPool::Last => into.extend_from_slice(vector(span.end - 1)),
            WordPool::FirstLast => {
                into.extend_from_slice(vector(span.start));
                into.extend_from_slice(vector(span.end - 1));
            }
            WordPool::Mean => {
                let from = into.len();
                into.extend_from_slice(vector(span.start));
                for token in span.start + 1..span.end {
                    into[from..].iter_mut().zip(vector(token)).for_each(|(sum, value)| *sum += value);
                }
                let count = (span.end - span.start) as f32;
                into[from..].iter_mut().for_each(|sum| *sum /= count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use larder_tokens::SpecialTokens;

    use super::*;

    const WORDS: WindowSettings =
        WindowSettings { level: Level::Word, max_tokens: 8, stride: None, special_tokens: false, texts: None };

    fn unit(ids: &[i32], word_ids: &[i32], words: usize, settings: &WindowSettings) -> EncodeUnit {
        EncodeUnit::of(
            &Sentence { input_ids: ids, type_ids: &[], pair: false, word_ids, words, alone: None },
            settings,
            &[],
            &[],
        )
        .unwrap()
    }

    fn picked(unit: &EncodeUnit) -> Vec<(u32, Vec<i32>)> {
        let of = |input: &UnitInput| -> Vec<(u32, Vec<i32>)> {
            let ids = |p: &TokenSpan| input.input_ids[p.start as usize..p.end as usize].to_vec();
            input.spans.iter().map(|p| (p.row, ids(p))).collect()
        };
        let mut all: Vec<_> = unit.inputs.iter().flat_map(of).collect();
        all.sort();
        all
    }

    #[test]
    fn every_word_is_a_row_and_every_token_too() {
        let (ids, word_ids) = ([101, 1, 2, 3, 4, 5, 6, 7, 8, 102], [-1, 0, 0, 1, 2, 2, 3, 4, 5, -1]);
        let words = unit(&ids, &word_ids, 6, &WORDS);
        assert_eq!((words.inputs.len(), words.rows), (2, 6));
        let expected = [vec![1, 2], vec![3], vec![4, 5], vec![6], vec![7], vec![8]];
        assert_eq!(picked(&words).into_iter().map(|(_, ids)| ids).collect::<Vec<_>>(), expected);
        assert_eq!(words.inputs.iter().map(|i| i.new_tokens).sum::<usize>(), ids.len());

        let tokens = unit(&ids, &word_ids, 6, &WindowSettings { level: Level::Token, ..WORDS });
        assert_eq!(tokens.tokens, [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(picked(&tokens), (0..8).map(|k| (k, vec![k as i32 + 1])).collect::<Vec<_>>());
    }

    #[test]
    fn special_tokens_are_rows_of_every_window_if_asked_for() {
        let (ids, word_ids) = ([101, 1, 2, 3, 4, 5, 6, 7, 8, 102], [-1, 0, 0, 1, 2, 2, 3, 4, 5, -1]);
        let every = unit(&ids, &word_ids, 6, &WindowSettings { level: Level::Token, special_tokens: true, ..WORDS });
        let read: Vec<i32> = every.inputs.iter().flat_map(|input| input.input_ids.clone()).collect();
        assert_eq!(picked(&every).into_iter().map(|(_, ids)| ids[0]).collect::<Vec<_>>(), read);
        assert_eq!(every.tokens.iter().map(|&token| ids[token]).collect::<Vec<_>>(), read);
        // Eight tokens of its own, of which three are in both windows, and two special ones in each.
        assert_eq!((read.len(), every.rows, every.inputs.len()), (8 + 3 + 4, 15, 2));
    }

    #[test]
    fn words_without_tokens_take_the_nearest() {
        let (ids, word_ids) = ([101, 7, 9, 102], [-1, 1, 5, -1]);
        let rows: Vec<Vec<i32>> = picked(&unit(&ids, &word_ids, 7, &WORDS)).into_iter().map(|(_, ids)| ids).collect();
        assert_eq!(rows.concat(), [7, 7, 7, 7, 9, 9, 9], "word 3 is as near to 1 as to 5: the left one");
        let none = unit(&[101, 102], &[-1, -1], 2, &WORDS);
        assert_eq!(picked(&none), [(0, vec![101]), (1, vec![101])]);
        assert_eq!(unit(&[101, 102], &[-1, -1], 2, &WindowSettings { level: Level::Token, ..WORDS }).rows, 0);
    }

    #[test]
    fn the_digest_tells_what_decides_the_rows() {
        let ids = [101, 1, 2, 102];
        let of = |ids: &[i32], word_ids: &[i32], words| unit(ids, word_ids, words, &WORDS).digest(Level::Word);
        let one = of(&ids, &[-1, 0, 0, -1], 1);
        assert_eq!(one, of(&ids, &[-1, 0, 0, -1], 1));
        assert_ne!(one, of(&ids, &[-1, 0, 1, -1], 2), "the same tokens in other words");
        assert_ne!(one, of(&ids, &[-1, 0, 0, -1], 2), "one more word without tokens");
        assert_ne!(one, of(&[101, 1, 3, 102], &[-1, 0, 0, -1], 1));
        let word_ids = &[-1, 0, 0, -1];
        let sentence = Sentence { input_ids: &ids, type_ids: &[], pair: false, word_ids, words: 1, alone: None };
        let near = EncodeUnit::of(&sentence, &WORDS, &[&[9]], &[]).unwrap();
        assert_ne!(one, near.digest(Level::Word), "a neighbour is read too");
        assert_eq!(near.inputs[0].input_ids, [101, 9, 1, 2, 102]);
        assert_eq!(picked(&near), [(0, vec![1, 2])]);
        let text = EncoderInput { input_ids: &ids, type_ids: None };
        assert_eq!(EncodeUnit::text(&sentence, None).unwrap().digest(Level::Sentence), text.digest());
    }

    #[test]
    fn the_digest_tells_which_windows_are_pooled_together() {
        let special = SpecialTokens {
            cls_id: Some(101),
            sep_id: Some(102),
            pad_id: None,
            unk_id: None,
            mask_id: None,
            single_tokens: 2,
            pair_tokens: 3,
            leading_tokens: 1,
        };
        let long = TextWindows::new(4, &special).unwrap();
        let alone = |input_ids: &[i32]| TextAlone { input_ids: input_ids.to_vec(), ..TextAlone::default() };
        let pair = |first: &[i32], second: &[i32]| {
            let texts = [alone(first), alone(second)];
            let sentence =
                Sentence { input_ids: &[], type_ids: &[], pair: true, word_ids: &[], words: 0, alone: Some(&texts) };
            EncodeUnit::text(&sentence, Some(&long)).unwrap()
        };
        let (one, other) =
            (pair(&[101, 1, 2, 3, 4, 102], &[101, 5, 102]), pair(&[101, 1, 2, 102], &[101, 3, 4, 5, 102]));
        let read =
            |unit: &EncodeUnit| unit.inputs.iter().map(|i| (i.text, i.windows, i.new_tokens)).collect::<Vec<_>>();
        assert_eq!(read(&one), [(0, 2, 3), (0, 2, 3), (1, 1, 3)]);
        assert_eq!(read(&other), [(0, 1, 4), (1, 2, 2), (1, 2, 3)]);
        assert_eq!(one.inputs[1].input_ids, [101, 3, 4, 102]);
        assert_ne!(one.digest(Level::Sentence), other.digest(Level::Sentence));
        assert_ne!(one.digest(Level::Sentence), pair(&[101, 1, 2, 102], &[101, 3, 4, 102]).digest(Level::Sentence));
    }

    #[test]
    fn tokens_are_pooled_as_named() {
        let tokens = [0.0, 0.0, 1.0, 10.0, 3.0, 30.0, 5.0, 50.0];
        let spans = [TokenSpan { row: 0, start: 1, end: 4 }, TokenSpan { row: 1, start: 3, end: 4 }];
        let pooled = |how| {
            let mut into = Vec::new();
            pool(&tokens, 2, &spans, how, &mut into);
            into
        };
        assert_eq!(pooled(WordPool::First), [1.0, 10.0, 5.0, 50.0]);
        assert_eq!(pooled(WordPool::Mean), [3.0, 30.0, 5.0, 50.0]);
        assert_eq!(pooled(WordPool::Last), [5.0, 50.0, 5.0, 50.0]);
        assert_eq!(pooled(WordPool::FirstLast), [1.0, 10.0, 5.0, 50.0, 5.0, 50.0, 5.0, 50.0]);
    }
}
