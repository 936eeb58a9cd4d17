//! The graph as a page that needs nothing else: the picture, and a table of the streams.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::model::{Dead, Graph};
use super::svg;

/// The page; without a picture, and with words why, of a graph that is too large for one.
pub(super) fn draw(graph: &Graph) -> String {
    let title = escaped(&graph.title);
    let picture = match svg::draw(graph) {
        // Declarations of the document it would be by itself have no place within another.
        Ok(picture) => picture.find("<svg").map_or_else(String::new, |begin| picture[begin..].to_owned()),
        Err(too_large) => format!("<p>{}.</p>", escaped(&too_large)),
    };
    let mut rows = String::new();
    for stream in &graph.streams {
        let cells = [
            names(&stream.publishers),
            stream.topic().to_owned(),
            names(&stream.subscribers),
            stream.type_name().to_owned(),
            stream.rate(),
            stream.dead.map_or("", Dead::words).to_owned(),
        ];
        let class = if stream.dead.is_some() { " class=\"dead\"" } else { "" };
        let cells: String = cells.iter().map(|cell| format!("<td>{}</td>", escaped(cell))).collect();
        // A String takes everything.
        let _ = writeln!(rows, "<tr{class}>{cells}</tr>");
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <h1>{title}</h1>\n<p>Boxes are modules, rounded boxes are topics. Dashed in red: nothing comes. Dashed in grey: no module subscribes. \
         Dashed in blue: a module has another one to call.</p>\n<div class=\"picture\">\n{picture}</div>\n\
         <table>\n<tr><th>published by</th><th>topic</th><th>subscribed by</th><th>type</th><th>rate</th><th></th></tr>\n{rows}</table>\n\
         </body>\n</html>"
    )
}

fn names(names: &BTreeSet<String>) -> String {
    names.iter().cloned().collect::<Vec<_>>().join(", ")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const STYLE: &str = "body{font:14px sans-serif;margin:2em}.picture{overflow:auto;border:1px solid #ccc;margin:1em 0}\
                     table{border-collapse:collapse}td,th{text-align:left;padding:.2em .8em;border-bottom:1px solid #ddd}.dead{color:#c00}";

#[cfg(test)]
mod tests {
    use super::super::model::tests::example;

    #[test]
    fn the_page_has_picture_and_table_and_loads_nothing() {
        let drawn = super::draw(&example());
        assert!(drawn.contains("<svg") && drawn.contains("<td>&lt;mapper&gt;</td>"), "{drawn}");
        assert!(!drawn.contains("<mapper>") && !drawn.contains("src=") && !drawn.contains("<?xml"), "{drawn}");
    }
}
