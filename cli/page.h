// A page of sections with labelled lines; long values go on under their start, at 80 columns.
//
//   0000:08:00.0 NVMe drive
//
//   Interrupts
//     MSI-X         65 vectors
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/table.h"

namespace cli {

class Page {
 public:
  explicit Page(bool colour) : colour_(colour) {}

  void Title(const std::string& text);
  void Plain(const std::string& text);
  void Section(const std::string& name);
  void Line(std::string_view label, const std::string& value, Style style = Style::kPlain);
  // The label is said once; an empty list says `none`.
  void List(std::string_view label, const std::vector<std::string>& values, const char* none,
            Style style = Style::kPlain);
  std::string Take() { return std::move(text_); }

 private:
  bool colour_;
  std::string text_;
};

}  // namespace cli
