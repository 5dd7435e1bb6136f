//! Names of six languages that are recognisably invented: most family names mean `example`,
//! `invented` or `nobody`.

use rand::{Rng, seq::IndexedRandom as _};

/// Given names and family names of one language.
type Names = ([&'static str; 10], [&'static str; 10]);

#[rustfmt::skip]
const LANGUAGES: [Names; 6] = [
    // English
    (["Ada", "Ben", "Cleo", "Dora", "Fay", "Gus", "Ida", "Jon", "Kim", "Max"],
     ["Dummy", "Example", "Fictive", "Invented", "Madeup", "Mockup", "Nobody", "Placeholder", "Sample", "Testcase"]),
    // German
    (["Änne", "Bärbel", "Björn", "Götz", "Günther", "Jörg", "Käthe", "Lea", "Rüdiger", "Sören"],
     ["Ausgedachter", "Beispielßen", "Erfünden", "Fälschlich", "Lückenbüßer", "Musterköhler", "Niemandsgrün", "Phantasöhl", "Platzhälter", "Prüfstück"]),
    // French
    (["Chloé", "Éloïse", "François", "Gaël", "Hélène", "Joël", "Loïc", "Maëlle", "Noémie", "Zoé"],
     ["d'Exemplé", "Delafiction", "Échantillon", "Façade-Vide", "Fictivé", "Imaginaîre", "L'Inventé", "Modèle-Blanc", "Personnède", "Témoin"]),
    // Polish
    (["Bożena", "Elżbieta", "Grażyna", "Łucja", "Małgorzata", "Michał", "Paweł", "Stanisław", "Wacław", "Żaneta"],
     ["Atrapałka", "Fikcyjna", "Nieistniejąca", "Nikłoś", "Próbkowicz", "Przykładowski", "Wymyślińska", "Wzorzędny", "Zmyśleńczyk", "Żadnicki"]),
    // Danish and Norwegian
    (["Åse", "Bjørn", "Jørgen", "Kåre", "Lærke", "Pål", "Ragnhild", "Søren", "Tørres", "Øystein"],
     ["Eksempelgård", "Forsøgsen", "Ingenmandsø", "Oppdiktæth", "Opdigtetsen", "Påfundsen", "Pladsholdær", "Prøvesen", "Tænktmand", "Øvelsesen"]),
    // Turkish
    (["Ayşe", "Çiğdem", "Gökçe", "Gülşah", "Işıl", "İbrahim", "Oğuz", "Özgür", "Şükrü", "Ümit"],
     ["Boşluk", "Denemeoğlu", "Hayalîgil", "Hiçkimse", "Kurguöz", "Numuneci", "Örnekçi", "Taslakgöl", "Uydurmaoğlu", "Yokşahıs"]),
];

/// Returns a family name and one or two given names of one language. Some people have two family
/// names, joined by a hyphen.
pub(super) fn names(chance: &mut impl Rng) -> (String, Vec<&'static str>) {
    let (given, family) = LANGUAGES.choose(chance).unwrap_or(&LANGUAGES[0]);
    let mut some = |of: &[&'static str; 10], ratio: u32| {
        let count = if chance.random_ratio(ratio, 100) { 2 } else { 1 };
        of.choose_multiple(chance, count).copied().collect::<Vec<_>>()
    };
    let given = some(given, 20);
    (some(family, 5).join("-"), given)
}
