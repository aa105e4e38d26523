#include "capacity/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/clock.h"

namespace fairlead::capacity {
namespace {

constexpr double kWidth = 780, kHeight = 440, kLeft = 74, kRight = 640, kTop = 84, kBottom = 372;

// Colours that keep apart for most eyes, after Okabe and Ito, Color universal design (2008); lighter ones on dark. By
// classes, as not every viewer knows variables.
constexpr std::string_view kStyle = R"svg(<style>
  text { font: 12px system-ui, "DejaVu Sans", sans-serif; fill: #1f2328 }
  .paper { fill: #ffffff } .title { font-size: 16px; font-weight: 600 } .dim { fill: #59636e }
  .grid { stroke: #d8dee4; stroke-width: 1 } .line { fill: none; stroke-width: 1.5 } .bold { stroke-width: 3 }
  .low { stroke: #0072b2 } .goal { stroke: #1a7f37 } .high { stroke: #b35900 } .dot { fill: #ffffff; stroke-width: 1.5 }
  .band { fill: #1a7f37; opacity: .18 } .target { stroke: #c93c37; stroke-width: 1.5; stroke-dasharray: 6 4 }
  .asked { stroke: #8250df; stroke-width: 1.5; stroke-dasharray: 2 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .paper, .dot { fill: #0d1117 } .dim { fill: #9198a1 } .grid { stroke: #30363d }
    .low { stroke: #56b4e9 } .goal { stroke: #3fb950 } .high { stroke: #f0a13a } .band { fill: #3fb950 }
    .target { stroke: #ff7b72 } .asked { stroke: #bc8cff }
  }
</style>
)svg";

// 1, 2 or 5 times a power of ten, about `count` of them in the range.
double step_of(double range, int count) {
  const double rough = range / count, power = std::pow(10, std::floor(std::log10(rough)));
  for (const double one : {1.0, 2.0, 5.0})
    if (one * power >= rough) return one * power;
  return 10 * power;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else
      out += c;
  }
  return out;
}

// "2026-11-24 14:02"
std::string day_and_minute(std::int64_t unix_micros) {
  std::string out = iso8601(unix_micros).substr(0, 16);
  out[10] = ' ';
  return out;
}

class Plot {
 public:
  explicit Plot(const Plan& plan) : plan_(plan), target_us_(plan.question.target.most_us) {
    double highest = target_us_ * 1.2;
    for (const LoadPoint& one : plan.loads)
      if (const double p99 = of(one).p99; std::isfinite(p99)) highest = std::max(highest, p99 * 1.08);
    // What is far beyond the target need not be seen whole.
    seconds_ = std::min(highest, target_us_ * 2) >= 10e6;
    unit_us_ = seconds_ ? 1e6 : 1e3;
    high_ = std::min(highest, target_us_ * 2) / unit_us_;
    last_ = std::max(plan.loads.back().load * 1.02, plan.loads.front().load * 1.1);
  }

  std::string draw() {
    fmt::format_to(
        to(),
        R"svg(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" aria-label="{2}">)svg"
        "\n",
        kWidth, kHeight, escaped("Capacity: " + plan_.question.target.text()));
    out_ += kStyle;
    fmt::format_to(to(),
                   R"svg(<rect width="{}" height="{}" class="paper"/>)svg"
                   "\n"
                   R"svg(<clipPath id="plane"><rect x="{}" y="{}" width="{}" height="{}"/></clipPath>)svg"
                   "\n",
                   kWidth, kHeight, kLeft, kTop, kRight - kLeft, kBottom - kTop);
    heading();
    axes();
    const std::string goal = plan_.question.target.percentile_text();
    band();
    int row = 0;
    if (goal != "p99")
      line(
          "p99", "high", "", [this](const LoadPoint& one) { return of(one).p99; }, row++);
    line(
        goal, "goal", " bold", [](const LoadPoint& one) { return one.at_target; }, row++);
    if (goal != "p50")
      line(
          "p50", "low", "", [this](const LoadPoint& one) { return of(one).p50; }, row++);
    fmt::format_to(to(),
                   R"svg(<rect x="{}" y="{}" width="22" height="10" class="band"/>)svg"
                   "\n",
                   kRight + 14, kTop + 5 + row * 20);
    text(kRight + 42, kTop + 14 + row * 20, "start", "", "95% interval");
    marks();
    out_ += "</svg>\n";
    return std::move(out_);
  }

 private:
  std::back_insert_iterator<std::string> to() { return std::back_inserter(out_); }
  const Percentiles& of(const LoadPoint& one) const {
    return plan_.question.target.metric == Metric::kFirstToken ? one.first_token : one.duration;
  }
  double x(double load) const { return kLeft + (kRight - kLeft) * load / last_; }
  double y(double us) const { return kBottom - (kBottom - kTop) * us / unit_us_ / high_; }
  void text(double x, double y, std::string_view anchor, std::string_view css, std::string_view words) {
    fmt::format_to(to(),
                   R"svg(<text x="{:.1f}" y="{:.1f}" text-anchor="{}" class="{}">{}</text>)svg"
                   "\n",
                   x, y, anchor, css, escaped(words));
  }

  void heading() {
    const Question& question = plan_.question;
    text(20, 28, "start", "title",
         fmt::format("{}{}", question.target.text(), question.model.empty() ? "" : ", model " + question.model));
    text(20, 47, "start", "dim",
         fmt::format("1x: {:.0f} calls a minute, the recorded peak, {} UTC. {} runs of each load",
                     plan_.calls_per_minute, day_and_minute(plan_.from_us), plan_.runs));
    std::string words = plan_.holds_beyond   ? fmt::format("Holds to {:g}x and beyond", plan_.holds_to)
                        : plan_.holds_to > 0 ? fmt::format("Holds to {:.2f}x", plan_.holds_to)
                                             : std::string("Does not hold");
    if (!plan_.limited_by.empty()) words += ". Limited by: " + plan_.limited_by;
    text(20, 65, "start", "", words);
  }

  void axes() {
    const double step = step_of(high_, 8);
    for (double value = 0; value <= high_ * 1.0001; value += step) {
      const double at = kBottom - (kBottom - kTop) * value / high_;
      fmt::format_to(to(),
                     R"svg(<line x1="{0}" x2="{1}" y1="{2:.1f}" y2="{2:.1f}" class="grid"/>)svg"
                     "\n",
                     kLeft, kRight, at);
      text(kLeft - 8, at + 4, "end", "dim", fmt::format("{:g}", value));
    }
    const double apart = step_of(last_, 8);
    for (double load = 0; load <= last_ * 1.0001; load += apart)
      text(x(load), kBottom + 18, "middle", "dim", fmt::format("{:g}x", load));
    text((kLeft + kRight) / 2, kBottom + 42, "middle", "", "load, times the recorded peak");
    fmt::format_to(to(),
                   R"svg(<text transform="translate(22 {:.1f}) rotate(-90)" text-anchor="middle">{}, {}</text>)svg"
                   "\n",
                   (kTop + kBottom) / 2,
                   plan_.question.target.metric == Metric::kFirstToken ? "time to first token" : "duration",
                   seconds_ ? "s" : "ms");
  }

  // The 95% interval of the target's percentile.
  void band() {
    std::string there, back;
    for (const LoadPoint& one : plan_.loads) {
      if (!std::isfinite(one.at_target)) break;
      there += fmt::format("{:.1f},{:.1f} ", x(one.load), y(std::min(one.high, 2 * high_ * unit_us_)));
      back.insert(0, fmt::format("{:.1f},{:.1f} ", x(one.load), y(one.low)));
    }
    if (!there.empty())
      fmt::format_to(to(),
                     R"svg(<polygon class="band" clip-path="url(#plane)" points="{}{}"/>)svg"
                     "\n",
                     there, back);
  }

  template <class ValueOf>
  void line(const std::string& name, std::string_view colour, std::string_view weight, ValueOf value_of, int row) {
    std::string points, dots;
    for (const LoadPoint& one : plan_.loads) {
      const double value = value_of(one);
      if (!std::isfinite(value)) break;
      points += fmt::format("{:.1f},{:.1f} ", x(one.load), y(value));
      dots +=
          fmt::format(R"svg(<circle cx="{:.1f}" cy="{:.1f}" r="3" class="dot {}"/>)svg", x(one.load), y(value), colour);
    }
    fmt::format_to(to(),
                   R"svg(<g clip-path="url(#plane)"><polyline class="line{} {}" points="{}"/>{}</g>)svg"
                   "\n",
                   weight, colour, points, dots);
    const double at = kTop + 10 + row * 20;
    fmt::format_to(to(),
                   R"svg(<line x1="{0}" x2="{1}" y1="{2}" y2="{2}" class="line{3} {4}"/>)svg"
                   "\n",
                   kRight + 14, kRight + 36, at, weight, colour);
    text(kRight + 42, at + 4, "start", "", name);
  }

  void marks() {
    fmt::format_to(to(),
                   R"svg(<line x1="{0}" x2="{1}" y1="{2:.1f}" y2="{2:.1f}" class="target"/>)svg"
                   "\n",
                   kLeft, kRight, y(target_us_));
    text(kRight + 8, y(target_us_) + 4, "start", "",
         fmt::format("{:g} {}, target", target_us_ / unit_us_, seconds_ ? "s" : "ms"));
    const double at = x(plan_.question.load);
    fmt::format_to(to(),
                   R"svg(<line x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}" class="asked"/>)svg"
                   "\n",
                   at, kTop, kBottom);
    text(at, kTop - 5, "middle", "dim", fmt::format("{:g}x, asked for", plan_.question.load));
    const auto lost =
        std::ranges::find_if(plan_.loads, [](const LoadPoint& one) { return !std::isfinite(one.at_target); });
    if (lost != plan_.loads.end())
      text(std::min(x(lost->load), kRight - 4), kTop + 16, "end", "dim",
           fmt::format("from {:g}x on, too many calls get no answer", std::round(lost->load * 100) / 100));
  }

  const Plan& plan_;
  const double target_us_;
  double unit_us_ = 1e3, high_ = 1, last_ = 1;
  bool seconds_ = false;
  std::string out_;
};

}  // namespace

std::string plot_of(const Plan& plan) {
  return Plot(plan).draw();
}

}  // namespace fairlead::capacity
