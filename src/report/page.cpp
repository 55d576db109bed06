#include "report/page.h"

#include <cctype>
#include <string_view>

#include "ropewalk/formats/markup.h"

namespace ropewalk {
namespace {

// Wide tables scroll by themselves, so that the page does not; below 720 px a picture's narrow form
// takes its place. On a phone three columns fit, and short cells break between words.
constexpr std::string_view kStyle = R"(
html { color-scheme: light; }
body { margin: 0; background: #fff; color: #222; line-height: 1.5;
  font-family: system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans',
  sans-serif; }
main { max-width: 900px; margin: 0 auto; padding: 8px 16px 48px; }
h1 { font-size: 1.6rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .4rem; padding-top: .6rem; border-top: 1px solid #d0d4da; }
p { margin: .4rem 0; overflow-wrap: anywhere; }
a { color: #00578a; }
nav ul { padding: 0; margin: .4rem 0; display: flex; flex-wrap: wrap; gap: .2rem 1.1rem;
  list-style: none; }
.missing { color: #5f6368; }
code { font-size: .9em; background: #f3f4f6; padding: .1em .3em; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: .6rem 0; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
h3 { font-size: .95rem; margin: 1rem 0 .3rem; overflow-wrap: anywhere; }
th, td { text-align: left; vertical-align: top; padding: .3rem .9rem .3rem 0;
  border-bottom: 1px solid #e4e6ea; }
td, th { min-width: 9rem; max-width: 24rem; overflow-wrap: anywhere; }
tbody th { font-weight: 400; color: #5f6368; }
.short { min-width: 0; white-space: nowrap; }
.short wbr { display: none; }
figure { margin: 1rem -16px; }
svg { display: block; max-width: 100%; height: auto; }
.narrow { display: none; }
@media (min-width: 721px) {
  tbody th { min-width: 16rem; }
}
@media screen and (max-width: 720px) {
  .wide { display: none; }
  .narrow { display: block; }
}
@media screen and (max-width: 480px) {
  td, th { min-width: 4.5rem; padding-right: .6rem; }
  tbody th { min-width: 6.5rem; }
  .short { min-width: 0; white-space: normal; overflow-wrap: normal; }
  .short wbr { display: inline; }
}
)";

// Nothing is loaded from anywhere, whatever a text may hold.
constexpr std::string_view kPolicy = "default-src 'none'; style-src 'unsafe-inline'";

constexpr size_t kShortCell = 28;  // bytes of a text that is kept on one line
constexpr size_t kLongTable = 12;  // rows; more stand below the section's pictures

std::string element(const std::string& tag, std::string_view text) {
  return "<" + tag + ">" + escape_markup(text) + "</" + tag + ">";
}

// Long words, such as paths and keys, break best after what joins their parts.
std::string breakable(std::string_view text) {
  std::string html;
  size_t begin = 0;
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    const bool joins = std::string_view("/_.-").find(text[i]) != std::string_view::npos;
    if (!joins || std::isalpha(static_cast<unsigned char>(text[i + 1])) == 0) continue;
    html += escape_markup(text.substr(begin, i + 1 - begin)) + "<wbr>";
    begin = i + 1;
  }
  return html + escape_markup(text.substr(begin));
}

// `kind`: "td", "th scope=\"col\"".
std::string cell_html(const std::string& kind, const std::string& text) {
  const std::string form = text.size() > kShortCell ? "" : " class=\"short\"";
  return "<" + kind + form + ">" + breakable(text) + "</" + kind.substr(0, 2) + ">";
}

std::string table_html(const ReportTable& table) {
  std::string html = table.caption.empty() ? "" : element("h3", table.caption) + "\n";
  html += "<div class=\"scroll\" tabindex=\"0\">\n<table>\n<thead><tr>";
  for (const std::string& name : table.header) html += cell_html("th scope=\"col\"", name);
  html += "</tr></thead>\n<tbody>\n";
  for (const std::vector<std::string>& row : table.rows) {
    html += "<tr><th scope=\"row\">" + breakable(row.front()) + "</th>";
    for (size_t i = 1; i < row.size(); ++i) html += cell_html("td", row[i]);
    html += "</tr>\n";
  }
  return html + "</tbody>\n</table>\n</div>\n";
}

std::string figure_html(const ReportFigure& figure) {
  return "<figure id=\"figure-" + escape_markup(figure.name) + "\">\n<div class=\"wide\">\n" +
         figure.wide + "</div>\n<div class=\"narrow\">\n" + figure.narrow + "</div>\n</figure>\n";
}

std::string section_html(const ReportSection& section) {
  std::string html = "<section id=\"" + section.id + "\">\n" + element("h2", section.title) + "\n";
  for (const std::string& remark : section.remarks) html += element("p", remark) + "\n";
  if (!section.missing.empty()) {
    html += "<p class=\"missing\">" + escape_markup(section.missing);
    if (!section.command.empty()) html += " " + element("code", section.command);
    html += "</p>\n";
  }
  const auto is_long = [](const ReportTable& table) { return table.rows.size() > kLongTable; };
  for (const ReportTable& table : section.tables) html += is_long(table) ? "" : table_html(table);
  for (const ReportFigure& figure : section.figures) html += figure_html(figure);
  for (const ReportTable& table : section.tables) html += is_long(table) ? table_html(table) : "";
  return html + "</section>\n";
}

std::string contents_html(const std::vector<ReportSection>& sections) {
  std::string html = "<nav aria-label=\"Contents\">\n<ul>\n";
  for (const ReportSection& section : sections) {
    html += "<li><a href=\"#" + section.id + "\">" + escape_markup(section.title) + "</a></li>\n";
  }
  return html + "</ul>\n</nav>\n";
}

}  // namespace

std::string html_page(const std::string& title, const std::vector<ReportSection>& sections) {
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"" +
      std::string(kPolicy) + "\">\n" + element("title", title) + "\n<style>" + std::string(kStyle) +
      "</style>\n</head>\n<body>\n<main>\n" + element("h1", title) + "\n" + contents_html(sections);
  for (const ReportSection& section : sections) html += section_html(section);
  return html + "</main>\n</body>\n</html>\n";
}

}  // namespace ropewalk
