//! The searches that are measured.

use std::collections::HashMap;

use rand::{Rng as _, rngs::StdRng, seq::IndexedRandom as _};

use super::names::{Person, with_a_transposition, without_one_accent};

/// A query: names and values of parameters.
pub type Query = Vec<(&'static str, String)>;

/// One kind of search.
pub struct Case {
    pub name: &'static str,
    pub choose: for<'a> fn(&'a [Person], &mut StdRng) -> &'a Person,
    pub query: fn(&Person) -> Query,
}

pub const CASES: &[Case] = &[
    Case { name: "record number", choose: any, query: |it| vec![("mrn", it.mrn.clone())] },
    Case { name: "e-mail address", choose: any, query: |it| vec![("email", it.email.clone())] },
    Case { name: "telephone number", choose: any, query: |it| vec![("phone", it.phone.clone())] },
    Case {
        name: "date of birth and given name",
        choose: any,
        query: |it| vec![("birth_date", it.born()), ("name", it.given.clone())],
    },
    Case {
        name: "rare family name (at most 50 matches)",
        choose: rare,
        query: |it| vec![("name", it.family.clone())],
    },
    Case {
        name: "family and given name",
        choose: any,
        query: |it| vec![("name", format!("{} {}", it.family, it.given))],
    },
    Case {
        name: "two letters",
        choose: any,
        query: |it| vec![("name", it.family.chars().take(2).collect())],
    },
    Case {
        name: "transposition, year of birth",
        choose: any,
        query: |it| {
            let letters: Vec<_> = it.family.chars().collect();
            let mut wrong = letters.clone();
            wrong.swap(letters.len() - 2, letters.len() - 1);
            vec![("name", wrong.into_iter().collect()), ("birth_date", it.year.to_string())]
        },
    },
];

fn any<'a>(people: &'a [Person], chance: &mut StdRng) -> &'a Person {
    people.choose(chance).unwrap()
}

/// A patient whose family name begins like those of at most 50 patients.
fn rare<'a>(people: &'a [Person], chance: &mut StdRng) -> &'a Person {
    let beginning =
        |person: &Person| person.family.to_lowercase().chars().take(5).collect::<String>();
    let mut counts: HashMap<String, usize> = HashMap::new();
    for person in people {
        *counts.entry(beginning(person)).or_default() += 1;
    }
    let few: Vec<_> = people.iter().filter(|it| counts[&beginning(it)] <= 50).collect();
    few.choose(chance).copied().unwrap_or(&people[0])
}

/// The number of patients with a word that begins like this, without regard to accents beyond case.
pub fn matches_of(people: &[Person], prefix: &str) -> usize {
    let prefix = prefix.to_lowercase();
    let begins = |name: &String| name.to_lowercase().starts_with(&prefix);
    people.iter().filter(|it| begins(&it.family) || begins(&it.given)).count()
}

/// A search by one word of the name with a mistake, or by both words in the other order, with the year of birth.
pub fn defective(person: &Person, chance: &mut StdRng) -> (&'static str, Query) {
    let word = if chance.random() { &person.family } else { &person.given };
    let (kind, name) = match chance.random_range(0..3) {
        0 => ("one accent missing, year of birth", without_one_accent(word, chance)),
        1 => ("one transposition, year of birth", with_a_transposition(word, chance)),
        _ => ("names swapped, year of birth", format!("{} {}", person.family, person.given)),
    };
    (kind, vec![("name", name), ("birth_date", person.year.to_string())])
}
