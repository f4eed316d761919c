#include "bench/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <utility>

namespace retailsync::bench {
namespace {

constexpr std::string_view kUnits[] = {"1/s", "us", "ms", "s", "ns", "%", "MB", "bytes", ""};

std::vector<std::string_view> Split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(at, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// "1,234,567"
std::string Whole(double value) {
  std::string digits = fmt::format("{:.0f}", value);
  for (int at = static_cast<int>(digits.size()) - 3; at > (digits[0] == '-' ? 1 : 0); at -= 3) {
    digits.insert(static_cast<size_t>(at), ",");
  }
  return digits;
}

std::string Shown(const Figure& figure, double value) {
  switch (figure.unit) {
    case Unit::kPerSecond:
    case Unit::kCount:
    case Unit::kBytes:
      return std::abs(value) < 10 && value != std::floor(value) ? fmt::format("{:.2f}", value)
                                                                : Whole(value);
    case Unit::kPercent:
      return fmt::format("{:.0f}%", value);
    default:
      return fmt::format("{:.{}f}", value,
                         std::abs(value) < 10    ? 2
                         : std::abs(value) < 100 ? 1
                                                 : 0);
  }
}

// Shares show how far the pairs were apart: they are what is promised.
std::string Cell(const Figure& figure) {
  if (figure.unit != Unit::kPercent || figure.samples < 2) return Shown(figure, figure.value);
  return fmt::format("{} ({:.0f}-{:.0f})", Shown(figure, figure.value), figure.low, figure.high);
}

template <typename Key>
void Remember(std::vector<Key>& keys, const Key& key) {
  if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
}

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      quoted += fmt::format("\\u{:04x}", static_cast<int>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string Table(std::string_view group, const std::vector<const Figure*>& figures) {
  std::vector<std::string> rows;
  std::vector<std::string> columns;
  std::map<std::pair<std::string, std::string>, std::string> cells;
  for (const Figure* figure : figures) {
    const std::string_view unit = Name(figure->unit);
    const bool said = unit.empty() || unit == "1/s" || unit == "%";
    std::string column = said ? figure->column : fmt::format("{}, {}", figure->column, unit);
    Remember(rows, figure->row);
    Remember(columns, column);
    cells[{figure->row, std::move(column)}] = Cell(*figure);
  }
  size_t widest = group.size();
  for (const std::string& row : rows) widest = std::max(widest, row.size());
  std::vector<size_t> widths;
  std::string text = fmt::format("{:<{}}", group, widest);
  for (const std::string& column : columns) {
    size_t width = column.size();
    for (const std::string& row : rows) width = std::max(width, cells[{row, column}].size());
    widths.push_back(width);
    text += fmt::format("  {:>{}}", column, width);
  }
  text += '\n' + std::string(text.size(), '-') + '\n';
  for (const std::string& row : rows) {
    text += fmt::format("{:<{}}", row, widest);
    for (size_t i = 0; i < columns.size(); ++i) {
      text += fmt::format("  {:>{}}", cells[{row, columns[i]}], widths[i]);
    }
    text += '\n';
  }
  return text;
}

}  // namespace

std::string_view Name(Unit unit) {
  return kUnits[static_cast<size_t>(unit)];
}

double Median(std::vector<double> samples) {
  if (samples.empty()) return 0;
  std::sort(samples.begin(), samples.end());
  const size_t middle = samples.size() / 2;
  return samples.size() % 2 == 1 ? samples[middle] : (samples[middle - 1] + samples[middle]) / 2;
}

void Report::Add(std::string_view column, Unit unit, std::vector<double> samples,
                 std::string_view row) {
  if (samples.empty()) return;
  const auto [low, high] = std::minmax_element(samples.begin(), samples.end());
  figures_.push_back({.group = group_,
                      .row = std::string(row),
                      .column = std::string(column),
                      .unit = unit,
                      .value = Median(samples),
                      .low = *low,
                      .high = *high,
                      .samples = static_cast<int>(samples.size())});
}

void Report::Complain(std::string_view sentence) {
  complaints_.push_back(fmt::format("{}: {}: {}", group_, row_, sentence));
}

void Report::Complain(const std::vector<std::string>& sentences) {
  for (const std::string& sentence : sentences) Complain(sentence);
}

std::string Report::Encode() const {
  std::string text;
  for (const Figure& f : figures_) {
    text += fmt::format("F\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n", f.group, f.row, f.column,
                        static_cast<int>(f.unit), f.value, f.low, f.high, f.samples);
  }
  for (std::string sentence : complaints_) {
    std::replace(sentence.begin(), sentence.end(), '\n', ' ');
    text += fmt::format("C\t{}\n", sentence);
  }
  return text;
}

void Report::Decode(std::string_view text) {
  const auto number = [](std::string_view digits) {
    return std::strtod(std::string(digits).c_str(), nullptr);
  };
  for (const std::string_view line : Split(text, '\n')) {
    const auto parts = Split(line, '\t');
    if (parts[0] == "C" && parts.size() == 2) complaints_.emplace_back(parts[1]);
    if (parts[0] != "F" || parts.size() != 9) continue;
    figures_.push_back({.group = std::string(parts[1]),
                        .row = std::string(parts[2]),
                        .column = std::string(parts[3]),
                        .unit = static_cast<Unit>(number(parts[4])),
                        .value = number(parts[5]),
                        .low = number(parts[6]),
                        .high = number(parts[7]),
                        .samples = static_cast<int>(number(parts[8]))});
  }
}

std::string Tables(const std::vector<Figure>& figures) {
  std::vector<std::string> groups;
  for (const Figure& figure : figures) Remember(groups, figure.group);
  std::string text;
  for (const std::string& group : groups) {
    std::vector<const Figure*> of_group;
    for (const Figure& figure : figures) {
      if (figure.group == group) of_group.push_back(&figure);
    }
    text += (text.empty() ? "" : "\n") + Table(group, of_group);
  }
  return text;
}

std::string Json(const std::vector<std::pair<std::string, std::string>>& about,
                 const std::vector<Figure>& figures, const std::vector<std::string>& complaints) {
  std::string text = "{\n  \"about\": {";
  for (size_t i = 0; i < about.size(); ++i) {
    text += fmt::format("{}\n    {}: {}", i == 0 ? "" : ",", Quoted(about[i].first),
                        Quoted(about[i].second));
  }
  text += "\n  },\n  \"figures\": [";
  for (size_t i = 0; i < figures.size(); ++i) {
    const Figure& f = figures[i];
    text += fmt::format(
        "{}\n    {{\"group\": {}, \"row\": {}, \"column\": {}, \"unit\": {}, \"value\": {:.6g}, "
        "\"low\": {:.6g}, \"high\": {:.6g}, \"samples\": {}}}",
        i == 0 ? "" : ",", Quoted(f.group), Quoted(f.row), Quoted(f.column), Quoted(Name(f.unit)),
        f.value, f.low, f.high, f.samples);
  }
  text += "\n  ],\n  \"complaints\": [";
  for (size_t i = 0; i < complaints.size(); ++i) {
    text += fmt::format("{}\n    {}", i == 0 ? "" : ",", Quoted(complaints[i]));
  }
  return text + "\n  ]\n}\n";
}

}  // namespace retailsync::bench
