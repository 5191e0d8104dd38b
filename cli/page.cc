#include "cli/page.h"

#include <fmt/format.h>

#include "sysfs/base/text.h"

namespace cli {
namespace {

constexpr size_t kLabelWidth = 14;
constexpr size_t kIndent = 2;
constexpr size_t kPageWidth = 80;

}  // namespace

void Page::Title(const std::string& text) { text_ += Styled(text, Style::kBold, colour_) + "\n"; }

void Page::Plain(const std::string& text) { text_ += Printable(text) + "\n"; }

void Page::Section(const std::string& name) {
  text_ += "\n" + Styled(name, Style::kBold, colour_) + "\n";
}

void Page::Line(std::string_view label, const std::string& value, Style style) {
  const size_t start = kIndent + kLabelWidth;
  text_ += fmt::format("{:{}}{:<{}}", "", kIndent, label, kLabelWidth);
  size_t column = start;
  std::string line;
  const std::string clean = Printable(value);
  for (const std::string_view word : base::Split(clean, ' ')) {
    const size_t width = DisplayWidth(word);
    if (!line.empty() && column + 1 + width > kPageWidth) {
      text_ += Styled(line, style, colour_) + "\n" + std::string(start, ' ');
      line.clear();
      column = start;
    }
    if (column > start) line += ' ', ++column;
    line += word;
    column += width;
  }
  text_ += Styled(line, style, colour_) + "\n";
}

void Page::List(std::string_view label, const std::vector<std::string>& values, const char* none,
                Style style) {
  if (values.empty()) return Line(label, none);
  for (const std::string& value : values) {
    Line(label, value, style);
    label = "";
  }
}

}  // namespace cli
