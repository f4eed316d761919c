// What was measured: figures, complaints, and how they come out for people and for programs.
#ifndef RETAILSYNC_TESTS_BENCH_REPORT_H_
#define RETAILSYNC_TESTS_BENCH_REPORT_H_

#include <string>
#include <string_view>
#include <vector>

namespace retailsync::bench {

enum class Unit {
  kPerSecond,
  kMicroseconds,
  kMilliseconds,
  kSeconds,
  kNanoseconds,
  kPercent,
  kMegabytes,
  kBytes,
  kCount,
};

std::string_view Name(Unit unit);

// One number about one thing: the median of `samples` measurements, with the lowest and the
// highest.
struct Figure {
  std::string group;   // a table: "pipeline, durable"
  std::string row;     // what was run: "orders, accept 256"
  std::string column;  // what was measured: "changes/s"
  Unit unit = Unit::kCount;
  double value = 0;
  double low = 0;
  double high = 0;
  int samples = 1;
};

double Median(std::vector<double> samples);

// Collects what one experiment has to say.
class Report {
 public:
  Report(std::string group, std::string row) : group_(std::move(group)), row_(std::move(row)) {}

  void Add(std::string_view column, Unit unit, double value) { Add(column, unit, {value}, row_); }
  void Add(std::string_view column, Unit unit, std::vector<double> samples) {
    Add(column, unit, std::move(samples), row_);
  }
  // About something else than the experiment as a whole.
  void Add(std::string_view column, Unit unit, std::vector<double> samples, std::string_view row);
  // A promise was off: the run as a whole fails.
  void Complain(std::string_view sentence);
  void Complain(const std::vector<std::string>& sentences);

  const std::vector<Figure>& figures() const { return figures_; }
  const std::vector<std::string>& complaints() const { return complaints_; }

  // To hand a report from one process to another.
  std::string Encode() const;
  void Decode(std::string_view text);

 private:
  const std::string group_;
  const std::string row_;
  std::vector<Figure> figures_;
  std::vector<std::string> complaints_;
};

// A table for each group: a line for each row, a column for each column that it has.
std::string Tables(const std::vector<Figure>& figures);

// {"about": …, "figures": […], "complaints": […]}. `about` are names and values.
std::string Json(const std::vector<std::pair<std::string, std::string>>& about,
                 const std::vector<Figure>& figures, const std::vector<std::string>& complaints);

}  // namespace retailsync::bench

#endif  // RETAILSYNC_TESTS_BENCH_REPORT_H_
