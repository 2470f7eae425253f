//! Bodies, and how Exchange rewrites them.

use serde::{Deserialize, Serialize};

/// Text or HTML.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum BodyKind {
    /// Plain text.
    #[default]
    Text,
    /// HTML.
    Html,
}

/// A body as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Body {
    /// What `content` is.
    pub kind: BodyKind,
    /// The text.
    pub content: String,
}

const HEAD: &str =
    "<head>\r\n<meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\">\r\n";

impl Body {
    /// A plain text body.
    pub fn text(content: impl Into<String>) -> Self {
        Self { kind: BodyKind::Text, content: content.into() }
    }

    /// An HTML body.
    pub fn html(content: impl Into<String>) -> Self {
        Self { kind: BodyKind::Html, content: content.into() }
    }

    /// What the server makes of it on writing: HTML fragments become documents with a charset.
    pub fn stored(self) -> Self {
        match self.kind {
            BodyKind::Html => Self::html(document(&self.content)),
            BodyKind::Text => self,
        }
    }

    /// The HTML shown to clients that ask for HTML.
    pub fn as_html(&self) -> String {
        match self.kind {
            BodyKind::Html => self.content.clone(),
            BodyKind::Text if self.content.is_empty() => String::new(),
            BodyKind::Text => format!(
                "<html>\r\n{HEAD}<meta name=\"Generator\" content=\"Microsoft Exchange Server\">\r\n\
                 <!-- converted from text -->\r\n<style><!-- .EmailQuote {{ margin-left: 1pt; \
                 padding-left: 4pt; border-left: #800000 2px solid; }} --></style></head>\r\n\
                 <body>\r\n<font size=\"2\"><span style=\"font-size:11pt;\"><div class=\"PlainText\">\
                 {}</div></span></font>\r\n</body>\r\n</html>\r\n",
                escape(&self.content).replace("\r\n", "\n").replace('\n', "<br>\r\n")
            ),
        }
    }

    /// The text shown to clients that ask for text.
    pub fn as_text(&self) -> String {
        match self.kind {
            BodyKind::Text => self.content.clone(),
            BodyKind::Html => plain(&self.content),
        }
    }

    /// The first 255 characters of the text (Graph `bodyPreview`).
    pub fn preview(&self) -> String {
        self.as_text().trim().chars().take(255).collect()
    }
}

fn document(html: &str) -> String {
    if html.is_empty() {
        return String::new();
    }
    let lower = html.to_ascii_lowercase();
    if lower.contains("http-equiv=\"content-type\"") {
        return html.to_owned();
    }
    if let Some(at) = lower.find("<head>") {
        let (before, after) = (&html[..at], &html[at + "<head>".len()..]);
        return format!("{before}{HEAD}{}", after.trim_start_matches(['\r', '\n']));
    }
    if let Some(at) = lower.find("<html>") {
        let (before, after) = (&html[..at], &html[at + "<html>".len()..]);
        return format!("{before}<html>\r\n{HEAD}</head>{after}");
    }
    if lower.contains("<body") {
        return format!("<html>\r\n{HEAD}</head>\r\n{html}\r\n</html>\r\n");
    }
    format!("<html>\r\n{HEAD}</head>\r\n<body>\r\n{html}\r\n</body>\r\n</html>\r\n")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Strips tags and what only machines read; breaks and paragraph ends become line ends.
fn plain(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        text.push_str(&entities(&rest[..at]).replace(['\r', '\n'], " "));
        rest = &rest[at..];
        let lower = rest.get(..8).unwrap_or(rest).to_ascii_lowercase();
        let end = if lower.starts_with("<style") {
            after(rest, "</style>")
        } else if lower.starts_with("<head") {
            after(rest, "</head>")
        } else if lower.starts_with("<!--") {
            after(rest, "-->")
        } else {
            after(rest, ">")
        };
        if lower.starts_with("<br") || lower.starts_with("</p") || lower.starts_with("</div") {
            text.push_str("\r\n");
        }
        rest = &rest[end..];
    }
    text.push_str(&entities(rest).replace(['\r', '\n'], " "));
    text.lines().map(str::trim).collect::<Vec<_>>().join("\r\n").trim().to_owned()
}

fn after(html: &str, needle: &str) -> usize {
    html.to_ascii_lowercase().find(needle).map_or(html.len(), |at| at + needle.len())
}

fn entities(text: &str) -> String {
    text.replace("&nbsp;", " ")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments_become_documents_once() {
        let stored = Body::html("<p>Grüße &amp; mehr</p><p>zwei</p>").stored();
        assert!(stored.content.starts_with("<html>\r\n<head>\r\n<meta http-equiv="));
        assert_eq!(stored.clone().stored(), stored);
        assert_eq!(stored.as_text(), "Grüße & mehr\r\nzwei");
    }

    #[test]
    fn odd_markup_never_panics() {
        for html in ["<", "<style", "<br", "a<é", "<!--", "<head", "&amp;amp;", "<ééééééé>"]
        {
            let body = Body::html(html).stored();
            let _ = (body.as_text(), body.preview());
        }
    }
}
