//! Plain text in words, for texts that nobody has split.

use std::ops::Range;

/// Marks that open something: peeled off the start of a word.
const OPENING: &str = "([{<\"'`“‘„‚«‹¿¡「『（【《〈［｛";
/// Marks that close something or end a sentence: peeled off its end.
const CLOSING: &str = ")]}>\"'`”’“»›,;:!?.…。、，！？：；」』）】》〉］｝";
/// The marks before the `s` of a possessive, or of a short `is`, in English.
const APOSTROPHES: [char; 2] = ['\'', '’'];

/// Splits a text into words: `(range, word)`, the range in *characters* (Unicode scalar values), `end` excluded.
///
/// Words are runs of what is not blank. Opening marks are peeled off their start, and closing and sentence marks off
/// their end, each a word of its own; three dots or more stay together. Nothing is dropped but blanks, and nothing
/// inside a word is touched, so hyphens, decimal points, `@`, `#`, `$` and `%` stay where they are. Three things stay
/// whole that look like punctuation: the dot of an abbreviation (`U.S.`, `e.g.`, and of an initial, `J.`), what is
/// inside a URL, and a slash at its end. The English `'s` and `’s` become words of their own. All else is the same in
/// every language; a text without blanks, like Japanese, is split at punctuation marks at its ends only.
///
/// ```
/// let words = |text| larder_data::split_words(text).into_iter().map(|(_, word)| word).collect::<Vec<_>>();
///
/// assert_eq!(words("He said: \"Stop!\""), ["He", "said", ":", "\"", "Stop", "!", "\""]);
/// assert_eq!(words("the U.S. (and Smith's dog)..."), ["the", "U.S.", "(", "and", "Smith", "'s", "dog", ")", "..."]);
/// assert_eq!(words("see http://t.co/a.b?c, @user #tag!"), ["see", "http://t.co/a.b?c", ",", "@user", "#tag", "!"]);
/// assert_eq!(larder_data::split_words("né à Nîmes.")[2], (5..10, "Nîmes"));
/// ```
pub fn split_words(text: &str) -> Vec<(Range<usize>, &str)> {
    let mut words = Vec::new();
    let (mut characters, mut bytes) = (0, 0);
    for chunk in text.split_whitespace() {
        // Each chunk is a part of `text`: the distance of their addresses is its place.
        let start = chunk.as_ptr() as usize - text.as_ptr() as usize;
        characters += text[bytes..start].chars().count();
        bytes = start;
        for word in split_chunk(chunk) {
            let length = word.chars().count();
            words.push((characters..characters + length, word));
            characters += length;
            bytes += word.len();
        }
    }
    words
}

/// The words of one run of non-blanks; together they are the run.
fn split_chunk(chunk: &str) -> Vec<&str> {
    let (mut front, mut back) = (Vec::new(), Vec::new());
    let mut rest = chunk;
    while let Some(mark) = rest.chars().next().filter(|&c| OPENING.contains(c) && !is_clitic(rest)) {
        let (word, left) = rest.split_at(mark.len_utf8());
        front.push(word);
        rest = left;
    }
    while let Some(length) = closing(rest) {
        let (left, word) = rest.split_at(rest.len() - length);
        back.push(word);
        rest = left;
    }
    if let Some(stem) = clitic_stem(rest) {
        let (stem, clitic) = rest.split_at(stem);
        back.push(clitic);
        rest = stem;
    }
    front.extend(Some(rest).filter(|rest| !rest.is_empty()));
    front.extend(back.into_iter().rev());
    front
}

/// Bytes of the mark at the end that is a word of its own; `None` when the end belongs to the word.
fn closing(word: &str) -> Option<usize> {
    let last = word.chars().next_back().filter(|&c| CLOSING.contains(c))?;
    let dots = word.len() - word.trim_end_matches('.').len();
    if dots > 2 {
        return Some(dots);
    }
    let stem = &word[..word.len() - last.len_utf8()];
    let belongs = match last {
        '.' => is_abbreviation(stem),
        // A bracket that the address itself opened.
        ')' => is_url(word) && word.matches('(').count() == word.matches(')').count(),
        _ => false,
    };
    (!belongs).then_some(last.len_utf8())
}

/// Returns true if a dot behind this belongs to it: pieces of one or two letters with dots between, or a capital
/// initial.
fn is_abbreviation(stem: &str) -> bool {
    let letters = |piece: &str| (1..=2).contains(&piece.chars().count()) && piece.chars().all(char::is_alphabetic);
    let mut characters = stem.chars();
    match (characters.next(), characters.next()) {
        // `I` alone is a word more often than a name.
        (Some(only), None) => only.is_uppercase() && only != 'I',
        _ => stem.contains('.') && stem.split('.').all(letters),
    }
}

fn is_url(word: &str) -> bool {
    word.contains("://") || word.starts_with("www.")
}

/// Returns the byte at which `'s` begins at the end of a word.
fn clitic_stem(word: &str) -> Option<usize> {
    let stem = word.strip_suffix(['s', 'S'])?.strip_suffix(APOSTROPHES)?;
    (stem.chars().next_back()?.is_alphanumeric() && !is_url(word)).then_some(stem.len())
}

/// A text that was split before has `'s` standing alone.
fn is_clitic(word: &str) -> bool {
    word.strip_suffix(['s', 'S']).is_some_and(|rest| rest.chars().count() == 1 && rest.starts_with(APOSTROPHES))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let words: Vec<&str> = split_words(text).into_iter().map(|(_, word)| word).collect();
        assert_eq!(words.join(" "), expected, "{text:?}");
    }

    #[test]
    fn marks_at_the_ends_are_words() {
        check("Hello, world!", "Hello , world !");
        check("(\"What?!\")", "( \" What ? ! \" )");
        check("«Où?» ¿Qué? „So“ 'yes'", "« Où ? » ¿ Qué ? „ So “ ' yes '");
        check("「日本語。」", "「 日本語 。 」");
        check("wait... what.... no.. ...", "wait ... what .... no . . ...");
        check("dogs' rock-n-roll, well-known;", "dogs ' rock-n-roll , well-known ;");
    }

    #[test]
    fn what_belongs_to_a_word_stays() {
        check("the U.S. and e.g. the U.S.A., at 5 p.m.", "the U.S. and e.g. the U.S.A. , at 5 p.m.");
        check("J. Smith, Ph.D. (U.K.)", "J. Smith , Ph.D. ( U.K. )");
        check("So am I. It ended. Inc. x.", "So am I . It ended . Inc . x .");
        check("$3.14, 1,000 50% -5 3.", "$3.14 , 1,000 50% -5 3 .");
        check("@user: #tag! @user's", "@user : #tag ! @user 's");
        check("a@b.org, c++ C# AT&T", "a@b.org , c++ C# AT&T");
    }

    #[test]
    fn urls_are_not_taken_apart() {
        check("http://t.co/a,b!c?d=e's.", "http://t.co/a,b!c?d=e's .");
        check("(www.x.org/a_(b)), https://x.org/;", "( www.x.org/a_(b) ) , https://x.org/ ;");
        check("<https://x.org/a's>", "< https://x.org/a's >");
    }

    #[test]
    fn the_english_s_is_a_word() {
        check("it's Jess’s DON'S 's ’s don't", "it 's Jess ’s DON 'S 's ’s don't");
        check("(the cat's)", "( the cat 's )");
        check("'s' ''s", "' s ' ' 's");
    }

    #[test]
    fn ranges_count_characters() {
        let text = "  Ça va,\u{3000}👩\u{200d}👧!\n";
        let found = split_words(text);
        assert_eq!(found, [(2..4, "Ça"), (5..7, "va"), (7..8, ","), (9..12, "👩\u{200d}👧"), (12..13, "!")]);
        assert!(split_words(" \t\u{a0}").is_empty());
    }

    proptest! {
        /// Words are the text without its blanks, in order, where their ranges say.
        #[test]
        fn nothing_but_blanks_is_lost(text in "[ a-zA-Z.,'’\"()!:/@#…日é\u{301}\t\u{3000}]{0,40}|\\PC{0,20}") {
            let words = split_words(&text);
            let joined: String = words.iter().map(|(_, word)| *word).collect();
            prop_assert_eq!(joined, text.split_whitespace().collect::<String>());
            let characters: Vec<char> = text.chars().collect();
            let mut end = 0;
            for (range, word) in words {
                prop_assert!(range.start >= end && !word.is_empty());
                end = range.end;
                prop_assert_eq!(characters[range].iter().collect::<String>(), word);
            }
        }
    }
}
