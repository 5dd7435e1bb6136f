//! The plots beside the tables of `docs/performance.md` and `docs/scaling.md`: drawn from those tables, so that the two can't
//! part. `CLINIC_TEST_DRAW=1 cargo test --test api plots` draws them anew.

use std::path::Path;

use plotters::prelude::*;

const SIZE: (u32, u32) = (760, 340);
const PAPER: RGBColor = WHITE;
const SERIES: [RGBColor; 4] =
    [RGBColor(38, 92, 160), RGBColor(222, 125, 44), RGBColor(120, 120, 120), RGBColor(60, 140, 90)];

/// The cells of the table whose head begins so, without its head.
fn table(page: &str, head: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(page).unwrap();
    let lines = text.lines().skip_while(|line| !line.starts_with(head)).skip(2);
    let rows = lines.take_while(|line| line.starts_with('|')).map(|line| {
        let cells = line.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().replace(['`', '*'], "")).collect()
    });
    let rows: Vec<_> = rows.collect();
    assert!(!rows.is_empty(), "{page} has no table {head}");
    rows
}

fn number(cell: &str) -> Option<f64> {
    cell.replace(',', "").parse().ok()
}

/// What a plot shows: for each name a bar of each series.
struct Bars<'a> {
    title: &'a str,
    names: Vec<String>,
    series: Vec<(&'a str, Vec<Option<f64>>)>,
    /// From where to where the scale goes, in powers of ten or evenly.
    scale: std::ops::Range<f64>,
    logarithmic: bool,
    /// Where a line is drawn, and what it is.
    goal: Option<(f64, &'a str)>,
}

/// Draws bars on any scale.
macro_rules! draw {
    ($chart:expr, $bars:expr) => {{
        let (mut chart, bars) = ($chart, $bars);
        let (low, many) = (bars.scale.start, bars.names.len());
        let name = |at: &f64| {
            let whole = (at - at.round()).abs() < 1e-6;
            let name = whole.then(|| bars.names.get(at.round() as usize)).flatten();
            name.cloned().unwrap_or_default()
        };
        let mut mesh = chart.configure_mesh();
        mesh.disable_x_mesh().x_labels(many + 2).x_label_formatter(&name);
        mesh.light_line_style(PAPER).draw().unwrap();
        let width = 0.7 / bars.series.len() as f64;
        for (nth, (label, values)) in bars.series.iter().enumerate() {
            let colour = SERIES[nth];
            let left = |at: usize| at as f64 - 0.35 + width * nth as f64;
            let rectangles = values.iter().enumerate().filter_map(|(at, value)| {
                let corners = [(left(at), low), (left(at) + width * 0.9, (*value)?)];
                Some(Rectangle::new(corners, colour.filled()))
            });
            let legend =
                move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], colour.filled());
            chart.draw_series(rectangles).unwrap().label(*label).legend(legend);
        }
        if let Some((goal, label)) = bars.goal {
            let line = [(-0.5, goal), (many as f64 - 0.5, goal)];
            let line = LineSeries::new(line, BLACK.stroke_width(1));
            let legend = |(x, y)| PathElement::new(vec![(x, y), (x + 12, y)], BLACK);
            chart.draw_series(line).unwrap().label(label).legend(legend);
        }
        let mut labels = chart.configure_series_labels();
        labels.position(SeriesLabelPosition::UpperLeft).background_style(PAPER.mix(0.8));
        labels.draw().unwrap();
    }};
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a handful of bars"
)]
fn drawn(bars: &Bars<'_>) -> String {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&PAPER).unwrap();
        let mut builder = ChartBuilder::on(&area);
        builder.caption(bars.title, ("sans-serif", 16)).margin(10);
        builder.x_label_area_size(30).y_label_area_size(50);
        let across = -0.5..bars.names.len() as f64 - 0.5;
        if bars.logarithmic {
            draw!(
                builder.build_cartesian_2d(across, bars.scale.clone().log_scale()).unwrap(),
                bars
            );
        } else {
            draw!(builder.build_cartesian_2d(across, bars.scale.clone()).unwrap(), bars);
        }
        area.present().unwrap();
    }
    svg
}

fn assert_drawn(name: &str, bars: &Bars<'_>) {
    let path = Path::new("docs/plots").join(name);
    let svg = drawn(bars);
    if std::env::var_os("CLINIC_TEST_DRAW").is_some() {
        std::fs::create_dir_all("docs/plots").unwrap();
        std::fs::write(&path, svg).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let again = "CLINIC_TEST_DRAW=1 cargo test --test api plots";
    assert!(committed == svg, "{} is not what its table says: {again}", path.display());
}

/// The values of a column.
fn column(rows: &[Vec<String>], at: usize) -> Vec<Option<f64>> {
    rows.iter().map(|row| number(&row[at])).collect()
}

fn names(rows: &[Vec<String>]) -> Vec<String> {
    rows.iter().map(|row| row[0].split(',').next().unwrap().to_owned()).collect()
}

#[test]
fn how_long_requests_take() {
    let rows = table("docs/performance.md", "| endpoint | requests/s | CPU");
    assert_drawn(
        "latency.svg",
        &Bars {
            title: "Milliseconds at half of the highest throughput",
            names: names(&rows),
            series: vec![
                ("p50", column(&rows, 6)),
                ("p99", column(&rows, 7)),
                ("p99.9", column(&rows, 8)),
            ],
            scale: 0.1..1_000.0,
            logarithmic: true,
            goal: None,
        },
    );
}

#[test]
fn what_requests_take_beside_the_sdk() {
    let time = table("docs/performance.md", "| endpoint | requests/s | CPU");
    let instructions = table("docs/performance.md", "| endpoint | instructions");
    assert_eq!(names(&time), names(&instructions));
    assert_drawn(
        "ratio.svg",
        &Bars {
            title: "What a request takes, as a multiple of the bare SDK's calls",
            names: names(&time)[1..].to_vec(),
            series: vec![
                ("CPU time", column(&time[1..], 4)),
                ("instructions", column(&instructions[1..], 3)),
            ],
            scale: 0.0..3.0,
            logarithmic: false,
            goal: Some((1.25, "goal for reads")),
        },
    );
}

#[test]
fn what_is_served_when_more_is_asked() {
    let rows = table("docs/performance.md", "| runs out | endpoint | most/s");
    // At three times the most.
    let rows: Vec<_> = rows
        .into_iter()
        .filter(|row| number(&row[3]).unwrap() > 2.5 * number(&row[2]).unwrap())
        .collect();
    let what = |row: &Vec<String>| {
        let runs_out = if row[0] == "places" { "run out" } else { "runs out" };
        format!("{}: {} {runs_out}", row[1], row[0])
    };
    assert_drawn(
        "overload.svg",
        &Bars {
            title: "Served in a second, as a part of the most, when three times as much is asked",
            names: rows.iter().map(what).collect(),
            series: vec![("served", column(&rows, 5))],
            scale: 0.0..1.5,
            logarithmic: false,
            goal: Some((0.9, "goal")),
        },
    );
}

#[test]
fn how_latency_grows_with_the_table() {
    let rows = table("docs/scaling.md", "| clinics × appointments of each");
    let wanted = ["get an appointment", "list a clinic's appointments, 25", "book", "cancel"];
    let rows: Vec<_> = rows.into_iter().filter(|row| wanted.contains(&row[0].as_str())).collect();
    assert_eq!(rows.len(), wanted.len());
    let p50 = |at: usize| rows.iter().map(|row| number(row[at].split(" / ").next()?)).collect();
    assert_drawn(
        "scale.svg",
        &Bars {
            title: "p50 in milliseconds, by the appointments in the table",
            names: names(&rows),
            series: vec![
                ("1,000", p50(1)),
                ("10,000", p50(2)),
                ("100,000", p50(3)),
                ("1,000,000", p50(4)),
            ],
            scale: 0.0..10.0,
            logarithmic: false,
            goal: None,
        },
    );
}
