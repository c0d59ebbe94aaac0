//! Lists of shards as arrays of jobs have them: `1,3-4`.

/// Returns ascending numbers as text, runs of them as ranges: `0-2,5`. Slurm takes it behind `--array=`.
pub fn index_ranges(numbers: &[usize]) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let text = |(first, last): &(usize, usize)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    ranges.iter().map(text).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_ranges() {
        assert_eq!(index_ranges(&[]), "");
        assert_eq!(index_ranges(&[1, 3, 4]), "1,3-4");
        assert_eq!(index_ranges(&[0, 1, 2, 5, 7, 8]), "0-2,5,7-8");
    }
}
