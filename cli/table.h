// Rows of text as an aligned table.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

enum class Style : uint8_t { kPlain, kBold, kDim, kGood, kWarning };

// The text with terminal colours around it when `colour` is set.
std::string Styled(std::string_view text, Style style, bool colour);
// Control bytes become '?': names come from devices and recorded hosts, and a terminal obeys.
std::string Printable(std::string_view text);
// Columns on a terminal: code points of UTF-8, each counted as one.
size_t DisplayWidth(std::string_view text);

struct Cell {
  std::string text;
  Style style = Style::kPlain;
};

struct TableColumn {
  std::string title;
  bool shrinks = false;  // gives up width when the table is too wide
};

struct Table {
  std::vector<TableColumn> columns;
  std::vector<std::vector<Cell>> rows;
  bool has_header = true;
};

// Two blanks between columns, none at the end of a line; empty cells are "-". With a `width` the
// shrinking columns are cut, with an ellipsis, until the table fits or they are at 12 columns.
std::string Render(const Table& table, unsigned width, bool colour);

}  // namespace cli
