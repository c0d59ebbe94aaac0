//! Parting rows for judging.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use larder_data::{Content, DatasetSpec, Example, ExampleReader, OnBadRow, Target};
use larder_describe::{DescribeError, NamedFiles, NamedRoles, PartRequest, Parted, SplitFile, describe, split_off};

fn part(
    folder: &Path,
    name: &str,
    change: impl Fn(PartRequest<'_>) -> PartRequest<'_>,
) -> Result<(Parted, DatasetSpec), DescribeError> {
    let files = NamedFiles { input: folder.join(name), ..NamedFiles::default() };
    let description = describe(&files, &NamedRoles::default())?;
    let spec = DatasetSpec::parse(&description.toml(folder), &folder.join("set.toml")).unwrap();
    let out = folder.join("out");
    let request =
        PartRequest { spec: &spec, fraction: 0.2, seed: 0, limit: None, on_bad_row: OnBadRow::Stop, folder: &out };
    let parted = split_off(&change(request))?;
    let split = |(split, file, _): &(String, std::path::PathBuf, u64)| SplitFile {
        split: split.clone(),
        files: vec![file.clone()],
    };
    let again = description.parted(parted.splits.iter().map(split).collect());
    Ok((parted, DatasetSpec::parse(&again.toml(&out), &out.join("set.toml")).unwrap()))
}

fn rows(spec: &DatasetSpec, split: &str) -> Vec<Example> {
    ExampleReader::open(spec, split, OnBadRow::Stop).unwrap().map(Result::unwrap).collect()
}

fn texts(examples: &[Example]) -> BTreeSet<String> {
    let text = |example: &Example| match &example.content {
        Content::Text { text, .. } => text.clone(),
        Content::Words(words) => words.join(" "),
    };
    examples.iter().map(text).collect()
}

/// 500 rows: four of five are `common`; every text of the last fifth stands there twice.
fn tickets(folder: &Path) {
    let row = |at: usize| {
        format!(
            "a text with number {},{}\n",
            if at >= 450 { at - 50 } else { at },
            if at.is_multiple_of(5) { "rare" } else { "common" }
        )
    };
    std::fs::write(folder.join("t.csv"), format!("text,label\n{}", (0..500).map(row).collect::<String>())).unwrap();
}

#[test]
fn each_label_has_its_share_and_equal_texts_one_side() {
    let folder = tempfile::tempdir().unwrap();
    tickets(folder.path());
    let (parted, spec) = part(folder.path(), "t.csv", |request| request).unwrap();
    let (train, dev) = (rows(&spec, "train"), rows(&spec, "dev"));
    assert_eq!(
        parted.splits.iter().map(|(_, _, rows)| *rows).collect::<Vec<_>>(),
        [train.len() as u64, dev.len() as u64]
    );
    assert_eq!(train.len() + dev.len(), 500);
    assert!(texts(&train).is_disjoint(&texts(&dev)), "equal texts are on one side");
    let mut of_label: BTreeMap<String, usize> = BTreeMap::new();
    for example in &dev {
        let Some(Target::Label(label)) = &example.target else { panic!() };
        *of_label.entry(label.clone()).or_default() += 1;
    }
    assert!(of_label["common"].abs_diff(80) <= 2 && of_label["rare"].abs_diff(20) <= 2, "{of_label:?}");
    // Rows keep the numbers that they had.
    let ids: BTreeSet<usize> = train.iter().chain(&dev).map(|example| example.id.parse().unwrap()).collect();
    assert_eq!(ids, (0..500).collect());
    let first = std::fs::read(&parted.splits[1].1).unwrap();
    part(folder.path(), "t.csv", |request| request).unwrap();
    assert_eq!(std::fs::read(&parted.splits[1].1).unwrap(), first, "the same every time");
    part(folder.path(), "t.csv", |request| PartRequest { seed: 1, ..request }).unwrap();
    assert_ne!(std::fs::read(&parted.splits[1].1).unwrap(), first, "others with another seed");
}

#[test]
fn a_limit_draws_rows_and_bad_rows_follow_the_policy() {
    let folder = tempfile::tempdir().unwrap();
    tickets(folder.path());
    let (_, spec) = part(folder.path(), "t.csv", |request| PartRequest { limit: Some(100), ..request }).unwrap();
    let (train, dev) = (rows(&spec, "train"), rows(&spec, "dev"));
    assert!((100..=101).contains(&(train.len() + dev.len())) && (15..=25).contains(&dev.len()));
    assert!(train.iter().any(|example| example.id.parse::<usize>().unwrap() > 300), "not the first rows");
    let (parted, _) =
        part(folder.path(), "t.csv", |request| PartRequest { fraction: 0.0, limit: Some(10), ..request }).unwrap();
    assert_eq!(parted.splits.len(), 1);

    let content = std::fs::read_to_string(folder.path().join("t.csv")).unwrap();
    std::fs::write(folder.path().join("t.csv"), format!("{content}one,two,three\n")).unwrap();
    let error = part(folder.path(), "t.csv", |request| request).unwrap_err();
    assert!(error.to_string().contains("line 502"), "{error}");
    let (parted, _) =
        part(folder.path(), "t.csv", |request| PartRequest { on_bad_row: OnBadRow::Skip, ..request }).unwrap();
    assert_eq!(parted.skipped, 1);
}

#[test]
fn sentences_and_numbers_come_through_and_too_few_rows_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let sentence = |at: usize| format!("Ada{at} I-PER\nmet O\nCharles{at} I-PER\n\n");
    std::fs::write(folder.path().join("n.conll"), (0..50).map(sentence).collect::<String>()).unwrap();
    let (_, spec) = part(folder.path(), "n.conll", |request| request).unwrap();
    assert_eq!((rows(&spec, "train").len(), rows(&spec, "dev").len()), (40, 10));
    let tags = Some(Target::Tags(["B-PER", "O", "B-PER"].map(str::to_owned).to_vec()));
    assert!(rows(&spec, "dev").iter().all(|example| example.target == tags));

    std::fs::write(
        folder.path().join("s.csv"),
        format!("text,score\n{}", (0..50).map(|at| format!("text {at},{at}.25\n")).collect::<String>()),
    )
    .unwrap();
    let (_, spec) = part(folder.path(), "s.csv", |request| request).unwrap();
    assert!(
        rows(&spec, "dev")
            .iter()
            .all(|example| matches!(example.target, Some(Target::Number(number)) if number.fract() == 0.25))
    );

    std::fs::write(folder.path().join("f.csv"), "text,label\na b,x\nc d,y\n").unwrap();
    let error = part(folder.path(), "f.csv", |request| request).unwrap_err();
    assert!(matches!(error, DescribeError::TooFew { rows: 2, .. }), "{error}");
}
