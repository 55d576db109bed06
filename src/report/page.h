// The page: sections of tables and pictures, and the HTML around them.
#pragma once

#include <string>
#include <vector>

#include "ropewalk/report/report.h"

namespace ropewalk {

// Texts are plain here and escaped when the page is made. Rows are as long as the header; the first
// column names the rows.
struct ReportTable {
  std::string caption;  // above it; may be empty
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
};

struct ReportSection {
  std::string id;  // of the link to it
  std::string title;
  std::vector<std::string> remarks;  // paragraphs below the title
  // How to get what is not there; with it the section is that line. `command` may be empty.
  std::string missing, command;
  std::vector<ReportTable> tables;
  std::vector<ReportFigure> figures;
};

std::string html_page(const std::string& title, const std::vector<ReportSection>& sections);

}  // namespace ropewalk
