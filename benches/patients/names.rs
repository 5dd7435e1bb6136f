//! Random patients with names of five languages. Few family names are frequent and most are rare, as in a telephone book.

use rand::{Rng, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::{Value, json};

/// Beginnings and endings of family names of one language, and given names.
struct Language {
    frequent: &'static [&'static str],
    beginnings: &'static [&'static str],
    endings: &'static [&'static str],
    given: &'static [&'static str],
}

const LANGUAGES: [Language; 5] = [
    Language {
        frequent: &[
            "Müller",
            "Schmidt",
            "Schneider",
            "Fischer",
            "Weber",
            "Meyer",
            "Wagner",
            "Schäfer",
            "Böhm",
            "Groß",
            "König",
            "Krüger",
        ],
        beginnings: &[
            "Berg", "Hof", "Stein", "Wald", "Bach", "Feld", "Brunn", "Linden", "Eichen", "Birken",
            "Grün", "Rösch", "Ober", "Unter", "Hinter", "Vorder", "Schön", "Kirch", "Burg", "Wein",
            "Roß", "Löwen", "Adler", "Falken", "Fuchs", "Wolf", "Bären", "Hirsch", "Apfel", "Kühn",
        ],
        endings: &[
            "mann", "huber", "meier", "bauer", "berger", "thaler", "egger", "acher", "müller",
            "ner", "hofer", "hauser", "stätter", "leitner", "brunner", "lechner", "maier",
            "schmied", "wirth", "kamp",
        ],
        given: &[
            "Anna",
            "Jürgen",
            "Günther",
            "Käthe",
            "Björn",
            "Ursula",
            "Wolfgang",
            "Lena",
            "Maximilian",
            "Sophie",
            "Jörg",
            "Hans-Peter",
            "Ida",
            "Paul",
            "Heike",
            "Rüdiger",
            "Bärbel",
            "Stefan",
            "Katharina",
            "Felix",
        ],
    },
    Language {
        frequent: &[
            "Martin",
            "Bernard",
            "Dubois",
            "Lefèvre",
            "Moreau",
            "Lévêque",
            "François",
            "Béranger",
            "Garçon",
            "Noël",
        ],
        beginnings: &[
            "Beau", "Mont", "Ville", "Chau", "Roche", "Saint", "Gran", "Bel", "Clair", "Haute",
            "Lamb", "Per", "Gode", "Mar", "Bou", "Cha", "Dé", "Fré", "Gué", "Thé",
        ],
        endings: &[
            "pont", "bois", "mont", "fort", "champ", "vert", "lieu", "ville", "reau", "chet",
            "rand", "tier", "nier", "lard", "seau", "din", "gnon", "ret", "quet", "let",
        ],
        given: &[
            "Jean-Luc",
            "Éloïse",
            "François",
            "Hélène",
            "Chloé",
            "Jérôme",
            "Anaïs",
            "Marie",
            "Pierre",
            "Zoé",
            "Benoît",
            "Amélie",
            "Gaël",
            "Noémie",
            "Louis",
            "Thérèse",
            "André",
            "Inès",
            "Rémi",
            "Léa",
        ],
    },
    Language {
        frequent: &[
            "Nowak",
            "Kowalski",
            "Wiśniewski",
            "Wójcik",
            "Kamiński",
            "Zieliński",
            "Szymański",
            "Woźniak",
            "Dąbrowski",
            "Łukasik",
        ],
        beginnings: &[
            "Kowal", "Lewand", "Zieliń", "Jabłoń", "Wró", "Król", "Pawł", "Mich", "Górz", "Sikor",
            "Baran", "Szew", "Ostrow", "Mazur", "Kubi", "Łabę", "Żur", "Świą", "Ćwik", "Pięt",
        ],
        endings: &[
            "ski", "czyk", "owicz", "ewski", "icki", "ak", "ek", "iak", "owski", "aszek", "ień",
            "arz", "uch", "ała", "aszewski", "ecki", "as", "or", "ulski", "iński",
        ],
        given: &[
            "Łukasz",
            "Małgorzata",
            "Agnieszka",
            "Paweł",
            "Michał",
            "Zofia",
            "Grażyna",
            "Krzysztof",
            "Wojciech",
            "Bożena",
            "Jan",
            "Hanna",
            "Stanisław",
            "Żaneta",
            "Rafał",
            "Ewa",
            "Józef",
            "Iga",
            "Tomasz",
            "Aleksandra",
        ],
    },
    Language {
        frequent: &[
            "Jensen",
            "Nielsen",
            "Hansen",
            "Sørensen",
            "Jørgensen",
            "Østergaard",
            "Kjær",
            "Nørgaard",
            "Bækgaard",
            "Møller",
        ],
        beginnings: &[
            "Skov", "Hede", "Mølle", "Ager", "Kirke", "Lund", "Holm", "Vester", "Øster", "Nør",
            "Sønder", "Bjerg", "Dal", "Å", "Strand", "Grøn", "Rød", "Blå", "Kær", "Thor",
        ],
        endings: &[
            "sen", "gaard", "holm", "berg", "strup", "by", "dal", "lund", "bæk", "borg", "skov",
            "toft", "vang", "høj", "rup", "feldt", "mark", "sted", "løv", "bjerre",
        ],
        given: &[
            "Søren",
            "Jørgen",
            "Bjørn",
            "Åse",
            "Mette",
            "Kåre",
            "Øyvind",
            "Ingrid",
            "Lars",
            "Freja",
            "Niels",
            "Gitte",
            "Håkon",
            "Sølvi",
            "Anders",
            "Maja",
            "Rasmus",
            "Signe",
            "Torbjørn",
            "Ane",
        ],
    },
    Language {
        frequent: &[
            "Yılmaz", "Kaya", "Demir", "Çelik", "Şahin", "Yıldız", "Öztürk", "Aydın", "Özdemir",
            "Doğan",
        ],
        beginnings: &[
            "Kara", "Ak", "Gün", "Demir", "Çelik", "Şen", "Öz", "Yıl", "Kızıl", "Boz", "Tan", "Er",
            "Ay", "Gök", "Taş", "Sarı", "Uzun", "Koç", "Kılıç", "Bal",
        ],
        endings: &[
            "maz", "türk", "taş", "oğlu", "doğan", "can", "kaya", "demir", "soy", "dağ", "er",
            "bulut", "ışık", "tepe", "yürek", "baş", "göz", "kan", "han", "alp",
        ],
        given: &[
            "Ayşe", "Çağla", "Ömer", "İbrahim", "Gökhan", "Şebnem", "Emine", "Oğuz", "Müge", "Ali",
            "Işıl", "Özlem", "Hüseyin", "Fatma", "Uğur", "Zeynep", "Tuğba", "Mehmet", "Elif",
            "Barış",
        ],
    },
];

/// A random patient.
#[derive(Clone)]
pub struct Person {
    pub family: String,
    pub given: String,
    pub year: i32,
    month: u8,
    day: u8,
    pub phone: String,
    pub email: String,
    pub mrn: String,
}

impl Person {
    /// The patient with a number.
    pub fn random(number: u32, chance: &mut StdRng) -> Self {
        let language = LANGUAGES.choose(chance).unwrap();
        let family = if chance.random_ratio(1, 5) {
            // Of the frequent names, the first are the most frequent.
            let most = language.frequent.len();
            let at = chance.random_range(0..most).min(chance.random_range(0..most));
            language.frequent[at].to_owned()
        } else {
            let (first, last) =
                (language.beginnings.choose(chance), language.endings.choose(chance));
            let name = format!("{}{}", first.unwrap(), last.unwrap());
            if chance.random_ratio(1, 20) {
                format!("{name}-{}", language.frequent.choose(chance).unwrap())
            } else {
                name
            }
        };
        Self {
            family,
            given: (*language.given.choose(chance).unwrap()).to_owned(),
            year: chance.random_range(1930..2025),
            month: chance.random_range(1..=12),
            day: chance.random_range(1..=28),
            phone: format!("+4170{:07}", chance.random_range(0..10_000_000)),
            email: format!("person-{number}@example.org"),
            mrn: format!("P-{number:07}"),
        }
    }

    /// The date of birth.
    pub fn born(&self) -> String {
        format!("{}-{:02}-{:02}", self.year, self.month, self.day)
    }

    /// The body of a POST.
    pub fn body(&self) -> Value {
        json!({
            "name": { "family": self.family, "given": [self.given] },
            "birth_date": self.born(),
            "phones": [{ "value": self.phone, "use": "mobile" }],
            "email": self.email,
            "mrn": self.mrn,
        })
    }
}

/// The word with one accent removed, if it has one.
pub fn without_one_accent(word: &str, chance: &mut StdRng) -> String {
    let plain = |c: char| {
        let found = "äöüéèêïçëîôàåøæąćęłńóśźżışğÄÖÜÉØÅŁŚŻÇŞİ".chars().position(|it| it == c)?;
        "aoueeeiceioaaoaacelnoszzisgAOUEOALSZCSI".chars().nth(found)
    };
    let accents: Vec<_> = word.char_indices().filter(|(_, c)| plain(*c).is_some()).collect();
    match accents.choose(chance) {
        Some((at, c)) => {
            let rest = &word[at + c.len_utf8()..];
            format!("{}{}{rest}", &word[..*at], plain(*c).unwrap())
        }
        None => word.to_owned(),
    }
}

/// The word with two neighbouring letters swapped.
pub fn with_a_transposition(word: &str, chance: &mut StdRng) -> String {
    let mut letters: Vec<_> = word.chars().collect();
    let swaps: Vec<_> =
        (0..letters.len().saturating_sub(1)).filter(|at| letters[*at] != letters[at + 1]).collect();
    if let Some(at) = swaps.choose(chance) {
        letters.swap(*at, at + 1);
    }
    letters.into_iter().collect()
}
