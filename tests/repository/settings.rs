//! The table of settings in `docs/configuration.md` is made from the program's flags.

use std::{fmt::Write as _, fs, path::Path};

use clap::{Arg, Command, CommandFactory as _};
use clinic_api::config::{Cli, LambdaArgs};

const PAGE: &str = "docs/configuration.md";
const BEGIN: &str = "<!-- settings -->\n";
const END: &str = "<!-- /settings -->";
const LAMBDA: &str = "clinic-api-lambda";

/// A flag with an environment variable.
struct Setting {
    flags: String,
    variable: String,
    default: String,
    description: String,
    /// The commands that have it, by their whole names.
    commands: Vec<String>,
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

/// The long help, as one line of sentences.
fn description(argument: &Arg) -> String {
    let help = argument.get_long_help().or(argument.get_help()).unwrap().to_string();
    let sentences = help.split("\n\n").map(|paragraph| {
        let paragraph = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
        if paragraph.ends_with('.') { paragraph } else { paragraph + "." }
    });
    let mut text = sentences.collect::<Vec<_>>().join(" ");
    let values = argument.get_possible_values();
    // Of a switch these are the spellings of true and false.
    if !values.is_empty() && !values.iter().any(|value| value.get_name() == "true") {
        let names: Vec<_> = values.iter().map(|value| code(value.get_name())).collect();
        let _ = write!(text, " Values: {}.", names.join(", "));
    }
    text.replace('|', "\\|")
}

fn setting(argument: &Arg) -> Option<Setting> {
    let variable = argument.get_env()?.to_str()?;
    let names = argument.get_long_and_visible_aliases()?.into_iter();
    let flags: Vec<_> = names.map(|name| code(&format!("--{name}"))).collect();
    let defaults: Vec<_> =
        argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    let default = if defaults.is_empty() { "none".to_owned() } else { code(&defaults.join(",")) };
    Some(Setting {
        flags: flags.join(", "),
        variable: code(variable),
        default,
        description: description(argument),
        commands: Vec::new(),
    })
}

/// Collects the settings of a command and of those below it.
fn collect(command: &Command, path: &str, settings: &mut Vec<Setting>) {
    for found in command.get_arguments().filter_map(setting) {
        let known = settings.iter_mut().find(|known| known.variable == found.variable);
        match known {
            Some(known) => known.commands.push(path.to_owned()),
            None => settings.push(Setting { commands: vec![path.to_owned()], ..found }),
        }
    }
    for below in command.get_subcommands() {
        collect(below, &format!("{path} {}", below.get_name()), settings);
    }
}

/// The commands under one that can be run, itself included.
fn runnable(command: &Command, path: &str, found: &mut Vec<String>) {
    if !command.is_subcommand_required_set() {
        found.push(path.to_owned());
    }
    for below in command.get_subcommands() {
        runnable(below, &format!("{path} {}", below.get_name()), found);
    }
}

/// The names of commands; all commands under one are named together.
fn named(commands: &[String], program: &Command) -> String {
    let mut names = Vec::new();
    for command in program.get_subcommands() {
        let name = command.get_name();
        let mut all = Vec::new();
        runnable(command, name, &mut all);
        if all.len() > 1 && all.iter().all(|one| commands.contains(one)) {
            let with_itself = all.iter().any(|one| one == name);
            names.push(if with_itself {
                format!("{name} and its commands")
            } else {
                format!("all {name} commands")
            });
        } else {
            names.extend(all.into_iter().filter(|one| commands.contains(one)));
        }
    }
    names.extend(commands.iter().filter(|name| *name == LAMBDA).cloned());
    names.join(", ")
}

fn table() -> String {
    let program = Cli::full_command();
    let mut settings = Vec::new();
    for command in program.get_subcommands() {
        collect(command, command.get_name(), &mut settings);
    }
    collect(&LambdaArgs::command(), LAMBDA, &mut settings);
    let mut table = "| flag | environment variable | default | commands | description |\n|---|---|---|---|---|\n".to_owned();
    for Setting { flags, variable, default, description, commands } in settings {
        let commands = named(&commands, &program);
        let row = format!("| {flags} | {variable} | {default} | {commands} | {description} |");
        let _ = writeln!(table, "{row}");
    }
    table
}

#[test]
fn the_table_of_settings_is_made_from_the_flags() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (current, after) = rest.split_once(END).unwrap();
    let made = table();
    assert!(made.lines().count() > 30, "{made}");
    if current == made {
        return;
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{made}{END}{after}")).unwrap();
        return;
    }
    let differing = made.lines().find(|line| !current.lines().any(|known| known == *line));
    panic!(
        "{PAGE} lists other settings than the program has{}\nTo write it: UPDATE_DOCS=1 cargo test --test repository settings",
        differing.map(|line| format!(", as {line}")).unwrap_or_default()
    );
}
