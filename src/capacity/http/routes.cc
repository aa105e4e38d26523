#include "capacity/http/routes.h"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cmath>

#include "access/control_plane.h"
#include "capacity/plot.h"
#include "platform/config/settings.h"
#include "platform/json/text.h"

namespace fairlead::capacity {
namespace {

namespace bj = boost::json;

constexpr std::chrono::days kLongestSince{90};
constexpr double kLeastLoad = 0.1, kMostLoad = 100, kMostHeadroom = 3;

Result<double> number_member(const bj::object& body, std::string_view name, double otherwise, double least,
                             double most) {
  const bj::value* const value = body.if_contains(name);
  if (value == nullptr || value->is_null()) return otherwise;
  const double number = value->is_number() ? value->to_number<double>() : NAN;
  if (number >= least && number <= most) return number;
  const std::string text = json::to_text(bj::value(least)), upto = json::to_text(bj::value(most));
  return fail(ErrorKind::kInvalid, "invalid_value",
              "`" + std::string(name) + "` must be a number from " + text + " to " + upto + ".", std::string(name));
}

// "2h", "7d"
Result<std::int64_t> since_member(const bj::object& body) {
  FAIRLEAD_TRY(const std::optional<std::string> text, access::optional_string(body, "since"));
  const auto age = config::parse_duration(text.value_or("1d"));
  if (age && age->count() > 0 && *age <= kLongestSince) return std::chrono::microseconds(*age).count();
  return fail(ErrorKind::kInvalid, "invalid_value",
              "`since` must be a time such as `30m`, `2h` or `7d`, at most `90d`.", "since");
}

struct Request {
  Question question;
  bool plot = false;
};

Result<Request> request_of(const bj::object& body, std::int64_t now_us) {
  FAIRLEAD_CHECK(access::only_members(body, {"target", "load", "since", "model", "by", "headroom", "seed", "plot"}));
  Request out;
  FAIRLEAD_TRY(const std::string target, access::required_string(body, "target"));
  FAIRLEAD_TRY(out.question.target, Target::parse(target));
  FAIRLEAD_TRY(out.question.load, number_member(body, "load", 1, kLeastLoad, kMostLoad));
  FAIRLEAD_TRY(out.question.headroom, number_member(body, "headroom", 0.2, 0, kMostHeadroom));
  FAIRLEAD_TRY(const double seed, number_member(body, "seed", 1, 0, 1e9));
  out.question.seed = static_cast<std::uint64_t>(seed);
  FAIRLEAD_TRY(const std::int64_t since_us, since_member(body));
  out.question.now_us = now_us;
  out.question.since_us = now_us - since_us;
  FAIRLEAD_TRY(const std::optional<std::string> model, access::optional_string(body, "model"));
  out.question.model = model.value_or("");
  FAIRLEAD_TRY(const std::optional<std::string> by, access::optional_string(body, "by"));
  const auto known = std::ranges::find(kByNames, by.value_or("target"));
  if (known == kByNames.end())
    return fail(ErrorKind::kInvalid, "invalid_value", "`by` must be `target`, `key`, `tag` or `user`.", "by");
  out.question.by = static_cast<By>(known - kByNames.begin());
  if (const bj::value* const plot = body.if_contains("plot")) {
    if (!plot->is_bool()) return fail(ErrorKind::kInvalid, "invalid_type", "`plot` must be true or false.", "plot");
    out.plot = plot->get_bool();
  }
  return out;
}

}  // namespace

void Routes::add(http::Router& router, const access::Guard& guard) {
  router.add(http::Method::kPost, "/api/v1/capacity",
             guard.protect(access::Scope::kRead, [this](http::Exchange& exchange, const access::Principal& principal) {
               return answer(exchange, principal.project);
             }));
}

async::Task<void> Routes::answer(http::Exchange& exchange, std::string project) {
  auto body = co_await access::read_object(exchange);
  if (!body) co_return co_await access::refuse(exchange, std::move(body).error());
  auto request = request_of(*body, parts_.clock.unix_micros());
  if (!request) co_return co_await access::refuse(exchange, std::move(request).error());
  if (busy_.exchange(true)) {
    Error error{ErrorKind::kExhausted, "capacity_busy", "Another plan is being made. Try again in some seconds."};
    co_return co_await access::refuse(exchange, std::move(error));
  }
  auto planning = planning_.run([this, project, question = std::move(request->question), plots = request->plot] {
    // Calls come first. Of this thread alone; more than the least it cannot be, so once is enough.
    setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 19);
    auto made = plan(project, question, plots);
    busy_ = false;
    return made;
  });
  auto made = co_await std::move(planning);
  if (!made) co_return co_await access::refuse(exchange, std::move(made).error());
  co_await exchange.respond(200, "application/json", *made);
}

Result<std::string> Routes::plan(const std::string& project, Question question, bool plot) const {
  const auto snapshot = parts_.snapshot();
  Scenario::Models models;
  std::vector<budgets::Definition> budgets;
  if (const gateway::Project* const known = snapshot->project(project)) {
    for (const auto& [name, addressable] : known->addressables()) {
      const gateway::Target* const target = addressable.in_force();
      if (target != nullptr && target->kind == "model" && target->model) models[target->name] = target->model;
    }
    if (known->budgets() != nullptr)
      for (const auto& one : known->budgets()->budgets()) budgets.push_back(one->definition());
  }
  const Ask ask = [this, &project](const std::string& query, std::int64_t limit) {
    return parts_.ask(project, query, limit);
  };
  Names names;
  names.is_model = [&models](const std::string& name) { return models.contains(name); };
  names.key = [&snapshot](const std::string& id) {
    const access::Principal* const key = snapshot->keys->find_by_id(id);
    return key != nullptr ? key->name : id;
  };
  FAIRLEAD_TRY(const Load load, read_load(ask, names, question.since_us, question.now_us));
  FAIRLEAD_TRY(const auto budget_use, read_budget_use(ask, question.since_us, question.now_us));
  const auto upstreams = learn_upstreams(load);
  const Scenario scenario{project, load, upstreams, std::move(models), std::move(budgets), parts_.folder, &ending_};
  FAIRLEAD_TRY(const Plan made, make_plan(scenario, question, budget_use));
  bj::object out = to_json(made);
  if (plot) out["plot"] = plot_of(made);
  return json::to_text(bj::value(std::move(out)));
}

}  // namespace fairlead::capacity
