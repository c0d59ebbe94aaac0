//! Sentences of words that are longer than the encoder reads, in windows; and what of their document is read with them.
//!
//! A window is the sentence's special tokens around a run of its own tokens. Windows overlap, and each word is *assigned*
//! from exactly one: where the fewer of the tokens on its two sides are most. No word is lost, none is assigned twice.

use std::ops::Range;

use crate::error::TokensError;
use crate::tokens::NO_WORD;

/// A part of a tokenized sentence that the encoder reads at once, special tokens included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Special tokens in front, as places in the sentence.
    pub leading: Range<usize>,
    /// The sentence's own tokens, as places in the sentence.
    pub body: Range<usize>,
    /// Special tokens behind, as places in the sentence.
    pub trailing: Range<usize>,
    /// Words whose vectors come from this window.
    pub assigned: Vec<AssignedWord>,
    /// Token ids between [`Window::leading`] and [`Window::body`], of sentences before.
    pub before: Vec<i32>,
    /// Token ids between [`Window::body`] and [`Window::trailing`], of sentences behind.
    pub after: Vec<i32>,
}

/// A word assigned from a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssignedWord {
    /// Its index in the sentence, as in `word_ids`.
    pub word: i32,
    /// Its tokens, as places in the sentence: all of them, or of a word longer than a window as many as fit.
    pub tokens: Range<usize>,
}

/// Cuts a tokenized sentence into windows of at most `max_tokens` tokens, special tokens included.
///
/// `word_ids` are those of the full sentence, `[seq]`, -1 for special tokens, which stand at both ends. A sentence that
/// fits is one window. Else each window starts at a word, `stride` tokens after the one before it or as few less as it
/// takes to start at a word (more after a word that is longer than that). `None` means half of the tokens that a window
/// has beside the special ones: every word then has at least a quarter of a window on each side, or the sentence's end.
///
/// A word goes to the window that holds all of it and where the smaller of its left and right context, in tokens, is
/// largest; of equal ones to the earlier. A word of more tokens than fit begins a window and is represented by the
/// tokens that fit. Special tokens inside the sentence, as between the texts of a pair, belong to no word.
///
/// # Errors
/// [`TokensError::MaxTokensTooSmall`]; [`TokensError::Stride`] for a stride of nothing, or of more than a window holds,
/// which would leave words out.
pub fn windows(word_ids: &[i32], max_tokens: usize, stride: Option<usize>) -> Result<Vec<Window>, TokensError> {
    let own = own_tokens(word_ids);
    let (leading, trailing) = (0..own.start, own.end..word_ids.len());
    let special_tokens = leading.len() + trailing.len();
    if max_tokens <= special_tokens {
        return Err(TokensError::MaxTokensTooSmall { max_tokens, special_tokens, texts: 1 });
    }
    let budget = max_tokens - special_tokens;
    let stride = stride.unwrap_or((budget / 2).max(1));
    if stride == 0 || stride > budget {
        return Err(TokensError::Stride { stride, most: budget, max_tokens });
    }
    let words = words_of(word_ids, &own);
    let mut windows: Vec<Window> = Vec::new();
    let mut start = own.start;
    loop {
        let end = own.end.min(start + budget);
        let (leading, trailing) = (leading.clone(), trailing.clone());
        let (assigned, before, after) = (Vec::new(), Vec::new(), Vec::new());
        windows.push(Window { leading, body: start..end, trailing, assigned, before, after });
        // The last word that starts within the stride, or where the word at `start` is longer, the next one.
        let within = words.partition_point(|word| word.tokens.start <= start + stride);
        let next = words[..within].last().filter(|word| word.tokens.start > start).or(words.get(within));
        match next {
            Some(next) if end < own.end => start = next.tokens.start,
            _ => break,
        }
    }
    for word in words {
        let (window, tokens) = place_of(&windows, &word.tokens, budget);
        windows[window].assigned.push(AssignedWord { word: word.word, tokens });
    }
    Ok(windows)
}

/// Returns the range of the sentence's own tokens: those between the special tokens at its ends. `word_ids` is `[seq]`.
pub fn own_tokens(word_ids: &[i32]) -> Range<usize> {
    let is_own = |&word: &i32| word != NO_WORD;
    match (word_ids.iter().position(is_own), word_ids.iter().rposition(is_own)) {
        (Some(first), Some(last)) => first..last + 1,
        _ => word_ids.len()..word_ids.len(),
    }
}

/// Runs of tokens of one word.
fn words_of(word_ids: &[i32], own: &Range<usize>) -> Vec<AssignedWord> {
    let mut words: Vec<AssignedWord> = Vec::new();
    for (token, &word) in (own.start..).zip(&word_ids[own.clone()]) {
        match words.last_mut() {
            Some(last) if last.word == word && last.tokens.end == token => last.tokens.end += 1,
            _ if word != NO_WORD => words.push(AssignedWord { word, tokens: token..token + 1 }),
            _ => {}
        }
    }
    words
}

/// The window that a word is assigned from, and which of its tokens.
fn place_of(windows: &[Window], word: &Range<usize>, budget: usize) -> (usize, Range<usize>) {
    let last = windows.partition_point(|window| window.body.start <= word.start) - 1;
    if word.len() > budget {
        return (last, word.start..windows[last].body.end);
    }
    let context = |window: &Range<usize>| (word.start - window.start).min(window.end - word.end);
    let holding = (0..=last).rev().take_while(|&at| windows[at].body.end >= word.end);
    // The greater context wins, then the earlier window.
    let best = holding.max_by_key(|&at| (context(&windows[at].body), std::cmp::Reverse(at)));
    (best.expect("windows overlap or touch at word starts, so one holds each word that fits"), word.clone())
}

impl Window {
    /// Tokens in it, special tokens and context included.
    pub fn len(&self) -> usize {
        let own = self.leading.len() + self.body.len() + self.trailing.len();
        own + self.before.len() + self.after.len()
    }

    /// Returns true if it has no tokens, not even special ones.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the window's input, `[len]`, from the ids of the full sentence.
    pub fn input_ids(&self, sentence: &[i32]) -> Vec<i32> {
        let [leading, body, trailing] = [&self.leading, &self.body, &self.trailing].map(|part| &sentence[part.clone()]);
        [leading, &self.before, body, &self.after, trailing].concat()
    }

    /// Returns the token types of the window's input, `[len]`, from those of the full sentence. Neighbouring sentences
    /// have the type of the sentence's own tokens: a template gives all texts that stand alone the same.
    pub fn type_ids(&self, sentence: &[i32]) -> Vec<i32> {
        let own = sentence.get(self.body.start).copied().unwrap_or(0);
        let [leading, body, trailing] = [&self.leading, &self.body, &self.trailing].map(|part| &sentence[part.clone()]);
        let [before, after] = [&self.before, &self.after].map(|tokens| vec![own; tokens.len()]);
        [leading, &before, body, &after, trailing].concat()
    }

    /// Returns the place in this window of a token of [`Window::body`].
    pub fn place(&self, token: usize) -> usize {
        self.leading.len() + self.before.len() + token - self.body.start
    }

    /// Fills the room that is left with neighbouring sentences, given as their own token ids without special tokens, the
    /// nearest first. Both sides get half of the room, and what one does not need goes to the other; where a sentence does
    /// not fit, its tokens next to the window are assigned.
    ///
    /// For the only window of a sentence: a sentence cut into windows is its own context.
    #[must_use]
    pub fn with_context(mut self, max_tokens: usize, before: &[&[i32]], after: &[&[i32]]) -> Self {
        let room = max_tokens.saturating_sub(self.len());
        let count = |sentences: &[&[i32]]| sentences.iter().map(|s| s.len()).sum::<usize>();
        let (left, right) = (count(before), count(after));
        let left = left.min((room / 2).max(room.saturating_sub(right)));
        let right = right.min(room - left);
        let mut reversed: Vec<i32> = before.iter().flat_map(|s| s.iter().rev()).copied().take(left).collect();
        reversed.reverse();
        self.before = reversed;
        self.after = after.iter().copied().flatten().copied().take(right).collect();
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Word ids of a sentence whose words have these many tokens, between `[CLS]` and `[SEP]`.
    fn sentence(lengths: &[usize]) -> Vec<i32> {
        let words = lengths.iter().enumerate().flat_map(|(word, &tokens)| vec![word as i32; tokens]);
        [NO_WORD].into_iter().chain(words).chain([NO_WORD]).collect()
    }

    #[test]
    fn a_sentence_that_fits_is_one_window() {
        let windows = windows(&sentence(&[1, 3, 2]), 8, None).unwrap();
        assert_eq!(windows.len(), 1);
        let [window] = &windows[..] else { unreachable!() };
        assert_eq!((&window.leading, &window.body, &window.trailing), (&(0..1), &(1..7), &(7..8)));
        assert_eq!(window.input_ids(&[101, 1, 2, 3, 4, 5, 6, 102]), [101, 1, 2, 3, 4, 5, 6, 102]);
        assert_eq!(window.assigned[1], AssignedWord { word: 1, tokens: 2..5 });
        assert_eq!((window.place(2), window.len()), (2, 8));
    }

    #[test]
    fn words_go_where_their_context_is_largest() {
        // 10 words of one token, 6 tokens a window, a stride of 3.
        let windows = windows(&sentence(&[1; 10]), 8, None).unwrap();
        let bodies: Vec<_> = windows.iter().map(|w| w.body.clone()).collect();
        assert_eq!(bodies, [1..7, 4..10, 7..11]);
        let assigned: Vec<Vec<i32>> = windows.iter().map(|w| w.assigned.iter().map(|t| t.word).collect()).collect();
        // Word 4 has 1 token behind it in the first window and 1 before it in the second: the earlier.
        assert_eq!(assigned, [vec![0, 1, 2, 3, 4], vec![5, 6, 7], vec![8, 9]]);
        assert_eq!(windows[1].input_ids(&(0..12).collect::<Vec<_>>()), [0, 4, 5, 6, 7, 8, 9, 11]);
        assert_eq!(windows[1].type_ids(&(20..32).collect::<Vec<_>>()), [20, 24, 25, 26, 27, 28, 29, 31]);
        assert_eq!(windows[1].place(6), 3);
    }

    #[test]
    fn a_word_longer_than_a_window_begins_one() {
        let windows = windows(&sentence(&[2, 20, 1]), 8, None).unwrap();
        let bodies: Vec<_> = windows.iter().map(|w| w.body.clone()).collect();
        assert_eq!(bodies, [1..7, 3..9, 23..24]);
        assert_eq!(windows[1].assigned, [AssignedWord { word: 1, tokens: 3..9 }]);
        assert_eq!(windows[2].assigned, [AssignedWord { word: 2, tokens: 23..24 }]);
    }

    #[test]
    fn nothing_but_special_tokens_is_a_window_without_words() {
        let windows = windows(&[NO_WORD, NO_WORD], 8, None).unwrap();
        assert_eq!((windows.len(), windows[0].len(), windows[0].assigned.len()), (1, 2, 0));
        assert_eq!(windows[0].input_ids(&[101, 102]), [101, 102]);
    }

    #[test]
    fn texts_of_a_pair_keep_what_stands_between_them() {
        let ids = [NO_WORD, 0, 0, 1, NO_WORD, 0, 1, NO_WORD];
        let windows = windows(&ids, 8, None).unwrap();
        let assigned: Vec<_> = windows[0].assigned.iter().map(|t| (t.word, t.tokens.clone())).collect();
        assert_eq!(assigned, [(0, 1..3), (1, 3..4), (0, 5..6), (1, 6..7)]);
        assert_eq!(windows[0].input_ids(&[9, 1, 2, 3, 8, 4, 5, 7]), [9, 1, 2, 3, 8, 4, 5, 7]);
    }

    #[test]
    fn limits_without_room_are_refused() {
        let ids = sentence(&[1; 10]);
        assert!(matches!(windows(&ids, 2, None), Err(TokensError::MaxTokensTooSmall { max_tokens: 2, .. })));
        assert_eq!(windows(&ids, 3, None).unwrap().len(), 10);
        for stride in [0, 7] {
            let error = windows(&ids, 8, Some(stride)).unwrap_err().to_string();
            assert!(error.contains(&format!("stride of {stride}")) && error.contains("1 to 6"), "{error}");
        }
        assert_eq!(windows(&ids, 8, Some(6)).unwrap().len(), 2);
    }

    #[test]
    fn context_fills_both_sides_evenly() {
        let window = || windows(&sentence(&[1, 1]), 20, None).unwrap().remove(0);
        let ids = [101, 1, 2, 102];
        let (before, after): (&[&[i32]], &[&[i32]]) = (&[&[13, 14, 15], &[11, 12]], &[&[21, 22], &[23, 24, 25]]);
        let read = |max_tokens: usize, before: &[&[i32]], after: &[&[i32]]| {
            window().with_context(max_tokens, before, after).input_ids(&ids)
        };
        assert_eq!(read(4, before, after), ids);
        assert_eq!(read(8, before, after), [101, 14, 15, 1, 2, 21, 22, 102]);
        assert_eq!(read(9, before, after), [101, 14, 15, 1, 2, 21, 22, 23, 102]);
        assert_eq!(read(20, before, after), [101, 11, 12, 13, 14, 15, 1, 2, 21, 22, 23, 24, 25, 102]);
        // What one side does not need goes to the other.
        assert_eq!(read(8, &[], after), [101, 1, 2, 21, 22, 23, 24, 102]);
        assert_eq!(read(8, &[&[15]], after), [101, 15, 1, 2, 21, 22, 23, 102]);
        assert_eq!(read(8, before, &[&[21]]), [101, 13, 14, 15, 1, 2, 21, 102]);
        let window = window().with_context(8, before, after);
        assert_eq!(window.type_ids(&[2, 1, 1, 0]), [2, 1, 1, 1, 1, 1, 1, 0]);
        assert_eq!((window.place(1), window.place(2), window.len()), (3, 4, 8));
    }

    proptest! {
        #[test]
        fn every_word_is_taken_once_from_the_window_with_most_context(
            lengths in prop::collection::vec(prop_oneof![6 => 1_usize..5, 1 => 1_usize..40], 0..120),
            max_tokens in 3_usize..32,
            stride in prop::option::of(1_usize..32),
        ) {
            let ids = sentence(&lengths);
            let budget = max_tokens - 2;
            let stride = stride.map(|stride| stride.min(budget));
            let windows = windows(&ids, max_tokens, stride).unwrap();
            let stride = stride.unwrap_or((budget / 2).max(1));
            let starts: Vec<usize> = lengths.iter().scan(1, |at, n| { *at += n; Some(*at - n) }).collect();
            for (at, window) in windows.iter().enumerate() {
                prop_assert!(window.len() <= max_tokens);
                prop_assert!(lengths.is_empty() || starts.contains(&window.body.start), "starts at a word");
                if let Some(next) = windows.get(at + 1) {
                    prop_assert!(next.body.start > window.body.start);
                    prop_assert_eq!(window.body.len(), budget, "only the last may be short");
                    let step = next.body.start - window.body.start;
                    let word = lengths[starts.binary_search(&window.body.start).unwrap()];
                    prop_assert!(step <= stride || step == word, "{} by {}", step, stride);
                }
            }
            let mut assigned: Vec<(i32, usize, Range<usize>)> = windows
                .iter()
                .enumerate()
                .flat_map(|(at, w)| w.assigned.iter().map(move |t| (t.word, at, t.tokens.clone())))
                .collect();
            assigned.sort_by_key(|(word, ..)| *word);
            let words: Vec<i32> = assigned.iter().map(|(word, ..)| *word).collect();
            prop_assert_eq!(words, (0..lengths.len() as i32).collect::<Vec<_>>(), "every word once");
            for ((_, at, tokens), (&start, &length)) in assigned.iter().zip(starts.iter().zip(&lengths)) {
                let body = &windows[*at].body;
                prop_assert!(body.start <= tokens.start && tokens.end <= body.end);
                prop_assert_eq!(tokens.start, start);
                if length > budget {
                    prop_assert_eq!((body.start, tokens.len()), (start, budget.min(body.len())));
                    continue;
                }
                prop_assert_eq!(tokens.len(), length);
                let context = |body: &Range<usize>| -> Option<usize> {
                    Some(start.checked_sub(body.start)?.min(body.end.checked_sub(start + length)?))
                };
                let mine = context(body);
                for (other, window) in windows.iter().enumerate() {
                    let theirs = context(&window.body);
                    prop_assert!(if other < *at { theirs < mine } else { theirs <= mine }, "window {} is better", other);
                }
            }
        }
    }
}
