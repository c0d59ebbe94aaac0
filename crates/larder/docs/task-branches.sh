#!/usr/bin/env bash
# Lists every line that names a task, or what only one task has, outside the folders of the tasks and their two registries.
# `const TASK` says which task a head is for, and asks nothing; unit tests may name tasks. A test holds the list empty.
cd "$(dirname "$0")/../../.." || exit
tasks=$(sed -nE 's/^ +([A-Z][A-Za-z]*) = ".*/\1/p' crates/larder-data/src/task.rs | paste -sd'|')
find crates/*/src -name '*.rs' -not -path 'crates/larder-data/src/task.rs' -not -path 'crates/larder-run/src/tasks/*' |
    sort | xargs awk -v names="(Task|Evaluation|AnsweredRows|SavedAnswers|Answer)::($tasks)" '
        FNR == 1 { tests = 0 }
        /^#\[cfg\(test\)\]/ { tests = 1 }
        !tests && ($0 ~ names || /is_(tagging|sequence)/) && !/const TASK: Task = Task::/ { print FILENAME ":" FNR ":" $0 }'
