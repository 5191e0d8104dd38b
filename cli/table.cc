#include "cli/table.h"

#include <algorithm>
#include <numeric>

namespace cli {
namespace {

constexpr size_t kGap = 2;
constexpr size_t kNarrowest = 12;

std::string_view Code(Style style) {
  switch (style) {
    case Style::kPlain:
      return "";
    case Style::kBold:
      return "\x1b[1m";
    case Style::kDim:
      return "\x1b[2m";
    case Style::kGood:
      return "\x1b[32m";
    case Style::kWarning:
      return "\x1b[33m";
  }
  return "";
}

bool IsContinuation(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

// The first `width` columns.
std::string Cut(std::string_view text, size_t width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  size_t end = 0;
  for (size_t columns = 0; end < text.size(); ++end) {
    if (!IsContinuation(text[end]) && ++columns == width) break;
  }
  return std::string(text.substr(0, end)) + "…";
}

std::vector<size_t> Widths(const Table& table) {
  std::vector<size_t> widths;
  for (const TableColumn& column : table.columns)
    widths.push_back(table.has_header ? DisplayWidth(column.title) : 1);
  for (const auto& row : table.rows) {
    for (size_t i = 0; i < row.size() && i < widths.size(); ++i)
      widths[i] = std::max(widths[i], DisplayWidth(row[i].text));
  }
  return widths;
}

// Takes from the widest shrinking column, one step at a time.
void Shrink(const Table& table, size_t limit, std::vector<size_t>& widths) {
  if (widths.empty()) return;
  size_t total = std::accumulate(widths.begin(), widths.end(), kGap * (widths.size() - 1));
  while (total > limit) {
    size_t* widest = nullptr;
    for (size_t i = 0; i < widths.size(); ++i) {
      const bool may = table.columns[i].shrinks && widths[i] > kNarrowest;
      if (may && (widest == nullptr || widths[i] > *widest)) widest = &widths[i];
    }
    if (widest == nullptr) return;
    --*widest;
    --total;
  }
}

void AppendLine(const std::vector<Cell>& cells, const std::vector<size_t>& widths, bool colour,
                std::string& out) {
  size_t pending = 0;  // blanks owed before the next text
  for (size_t i = 0; i < cells.size() && i < widths.size(); ++i) {
    const std::string text = Cut(cells[i].text.empty() ? "-" : Printable(cells[i].text), widths[i]);
    out.append(pending, ' ');
    out += Styled(text, cells[i].style, colour);
    pending = widths[i] - std::min(widths[i], DisplayWidth(text)) + kGap;
  }
  out += '\n';
}

}  // namespace

std::string Styled(std::string_view text, Style style, bool colour) {
  if (!colour || style == Style::kPlain) return std::string(text);
  return std::string(Code(style)) + std::string(text) + "\x1b[0m";
}

std::string Printable(std::string_view text) {
  std::string result(text);
  for (size_t i = 0; i < result.size(); ++i) {
    const auto byte = static_cast<unsigned char>(result[i]);
    const auto next = static_cast<unsigned char>(i + 1 < result.size() ? result[i + 1] : 0);
    if (byte < 0x20 || byte == 0x7f) result[i] = '?';
    // U+0080 to U+009F: the second set of control characters.
    if (byte == 0xc2 && next >= 0x80 && next < 0xa0) result.replace(i, 2, "?");
  }
  return result;
}

size_t DisplayWidth(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) { return !IsContinuation(byte); }));
}

std::string Render(const Table& table, unsigned width, bool colour) {
  std::vector<size_t> widths = Widths(table);
  if (width > 0) Shrink(table, width, widths);
  std::string out;
  if (table.has_header) {
    std::vector<Cell> titles;
    for (const TableColumn& column : table.columns) titles.push_back({column.title, Style::kBold});
    AppendLine(titles, widths, colour, out);
  }
  for (const auto& row : table.rows) AppendLine(row, widths, colour, out);
  return out;
}

}  // namespace cli
