//! Latency against rate, as a drawing in SVG 1.1 with both axes logarithmic.

use std::{fmt::Write, time::Duration};

use super::step::Step;
use crate::latency::Percentiles;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 90.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 55.0;

type Line = (&'static str, &'static str, fn(&Percentiles) -> f64);

const LINES: [Line; 4] = [
    ("p50", "#1b7837", |found| found.p50_ms),
    ("p90", "#2166ac", |found| found.p90_ms),
    ("p99", "#b2182b", |found| found.p99_ms),
    ("p99.9", "#762a83", |found| found.p999_ms),
];

/// A logarithmic axis over `from` to `to`, drawn from `first` to `last`.
#[derive(Clone, Copy)]
struct Axis {
    from: f64,
    to: f64,
    first: f64,
    last: f64,
}

impl Axis {
    /// Ends at a little beyond the least and the greatest value.
    fn over(values: impl Iterator<Item = f64> + Clone, first: f64, last: f64) -> Self {
        let least = values.clone().fold(f64::INFINITY, f64::min);
        let greatest = values.fold(1.0, f64::max);
        Self {
            from: if least.is_finite() { (least / 1.3).max(0.1) } else { 1.0 },
            to: greatest * 1.3,
            first,
            last,
        }
    }

    fn at(self, value: f64) -> f64 {
        let share = (value.max(self.from) / self.from).ln() / (self.to / self.from).ln();
        self.first + share * (self.last - self.first)
    }

    /// 1, 2 and 5 of each power of ten.
    fn marks(self) -> impl Iterator<Item = f64> {
        let powers = (-1..8).map(|power| 10_f64.powi(power));
        let all = powers.flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * power));
        all.filter(move |mark| (self.from..=self.to).contains(mark))
    }
}

/// Steps without latencies are not in it, nor those that were ended early: their latencies are of the few payments
/// that came before. `p99_max` is drawn as what p99 must stay under.
pub fn svg(steps: &[Step], p99_max: Duration) -> String {
    let mut found: Vec<(f64, Percentiles)> = steps
        .iter()
        .filter(|step| !step.overloaded)
        .filter_map(|step| Some((step.rate as f64, step.latency?)))
        .collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    let limit = p99_max.as_secs_f64() * 1e3;
    let x = Axis::over(found.iter().map(|(rate, _)| *rate), LEFT, WIDTH - RIGHT);
    let latencies = found.iter().flat_map(|(_, of)| LINES.map(|(_, _, pick)| pick(of)));
    let y = Axis::over(latencies.chain([limit]), HEIGHT - BOTTOM, TOP);
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="{LEFT}" y="22" font-size="15">Latency of payments against the rate offered</text>
"##
    );
    let mut add = |line: std::fmt::Arguments<'_>| writeln!(svg, "{line}").expect("memory takes it");
    let (right, floor) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for mark in x.marks() {
        let at = x.at(mark);
        add(format_args!(
            r##"<path d="M{at:.1} {TOP}V{floor}" stroke="#dddddd"/><text x="{at:.1}" y="{:.1}" text-anchor="middle">{mark}</text>"##,
            floor + 18.0
        ));
    }
    for mark in y.marks() {
        let at = y.at(mark);
        add(format_args!(
            r##"<path d="M{LEFT} {at:.1}H{right}" stroke="#dddddd"/><text x="{:.1}" y="{:.1}" text-anchor="end">{mark}</text>"##,
            LEFT - 8.0,
            at + 4.0
        ));
    }
    let (middle, at) = ((LEFT + right) / 2.0, y.at(limit));
    add(format_args!(
        r##"<text x="{middle}" y="{:.1}" text-anchor="middle">payments offered a second</text><text transform="translate(20 {:.1}) rotate(-90)" text-anchor="middle">from due to proved receipt, ms</text>
<path d="M{LEFT} {at:.1}H{right}" stroke="#b2182b" stroke-dasharray="6 4"/>"##,
        HEIGHT - 12.0,
        (TOP + floor) / 2.0
    ));
    for (place, (name, colour, pick)) in (0..).zip(LINES) {
        let points: Vec<_> = found
            .iter()
            .map(|(rate, of)| format!("{:.1},{:.1}", x.at(*rate), y.at(pick(of))))
            .collect();
        let key = TOP + 16.0 * f64::from(place) + 10.0;
        add(format_args!(
            r##"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2"/><text x="{}" y="{key}" fill="{colour}">{name}</text>"##,
            points.join(" "),
            right + 12.0
        ));
        for point in &points {
            let (left, top) = point.split_once(',').expect("written above");
            add(format_args!(
                r##"<circle cx="{left}" cy="{top}" r="3" fill="{colour}"/>"##
            ));
        }
    }
    svg.push_str("</svg>\n");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenfold_value_is_as_far_wherever_it_is() {
        let axis = Axis::over([10.0, 10_000.0].into_iter(), 0.0, 300.0);
        let steps = [10.0, 100.0, 1000.0, 10_000.0].map(|value| axis.at(value));
        assert!(steps[0] > 0.0 && steps[3] < 300.0);
        assert!((steps[1] - steps[0] - (steps[3] - steps[2])).abs() < 1e-9);
        assert_eq!(axis.marks().next(), Some(10.0));
    }

    #[test]
    fn a_rate_that_was_ended_early_has_no_point() {
        let latency = Percentiles {
            p50_ms: 10.0,
            p90_ms: 20.0,
            p99_ms: 30.0,
            p999_ms: 40.0,
            max_ms: 50.0,
        };
        let step = |rate, overloaded| Step {
            rate,
            overloaded,
            latency: Some(latency),
            ..Step::default()
        };
        let drawing = svg(&[step(1000, false), step(2000, false)], Duration::from_secs(1));
        assert_eq!(drawing.matches("<circle").count(), 2 * LINES.len());
        let drawing = svg(&[step(1000, false), step(2000, true)], Duration::from_secs(1));
        assert_eq!(drawing.matches("<circle").count(), LINES.len());
    }

    #[test]
    fn nothing_measured_still_gives_a_drawing() {
        let drawing = svg(&[], Duration::from_secs(1));
        assert!(drawing.starts_with("<svg") && drawing.ends_with("</svg>\n"));
        assert!(!drawing.contains("NaN") && !drawing.contains("inf"));
    }
}
