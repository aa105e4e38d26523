// The parts of the measurement that must be fast; `run` beside this starts them, and nginx and Fairlead between them.
//   gateway_load upstream PORT                answers with a fixed chat completion of 900 bytes in all; where the
//   request
//                                             names the model `events-N`, with a stream of N events, each its own
//                                             write; `events-N-at-once`: in one write
//   gateway_load proxy PORT UPSTREAM_PORT     Fairlead's HTTP room alone: its server in front of its client
//   gateway_load load NAME=VALUE…             standard input is the body; prints one JSON line
//     port=, pid=          where to, and whose CPU time is counted
//     seconds=, warm_up=   for how long calls are begun (4), and before that, unmeasured (1)
//     patience=            seconds for the last answers (10)
//     connections=, warm=  how many (32), and how many of them take part in the warm-up (all)
//     rate=                calls a second; 0: as many as it takes
//     settle=              a path to ask for before each reading of the CPU
//     header=              a header line; as often as needed
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "load_generator.h"
#include "platform/http/client.h"
#include "platform/http/problem.h"
#include "platform/http/server.h"

namespace fairlead::load {
namespace {

constexpr std::size_t kAnswerBytes = 900;

// A chat completion that, with the head our server puts before it, has 900 bytes.
std::string fixed_completion() {
  const std::string front =
      R"({"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"fixed","choices":[{"index":0,"message":{"role":"assistant","content":")";
  const std::string back =
      R"("},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":90,"completion_tokens":110,"total_tokens":200}})";
  const std::size_t head =
      std::string_view(
          "HTTP/1.1 200 OK\r\ndate: Tue, 24 Nov 2026 14:02:19 GMT\r\ncontent-type: application/json\r\n"
          "content-length: 780\r\n\r\n")
          .size();
  std::string text = front;
  while (text.size() + back.size() + head < kAnswerBytes) text += "lorem ipsum "[text.size() % 12];
  return text + back;
}

// The last one says how it ended.
std::string fixed_event(int index, bool last) {
  return R"(data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"fixed","choices":[{"index":0,"delta":{"content":"word )" +
         std::to_string(index) + R"( "},"finish_reason":)" + (last ? "\"stop\"" : "null") + "}]}\n\n";
}

// The event before the end where the request asks for it, as the services of this form send it.
constexpr std::string_view kUsageEvent =
    R"(data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"fixed","choices":[],"usage":{"prompt_tokens":90,"completion_tokens":110,"total_tokens":200}})"
    "\n\n";

// How a request wants its answer streamed; 0 events: not at all.
struct Form {
  int events = 0;
  bool at_once = false;
  bool usage = false;
};

Form form_of(std::string_view body) {
  constexpr std::string_view kName = "\"events-";
  const std::size_t at = body.find(kName);
  if (at == std::string_view::npos) return {};
  const std::string name(body.substr(at + kName.size(), 24));
  return {std::atoi(name.c_str()), name.find("-at-once\"") != std::string::npos,
          body.find("\"include_usage\"") != std::string::npos};
}

async::Task<void> answer(const std::string& completion, http::Exchange& exchange) {
  auto body = co_await exchange.read_body();
  if (!body) co_return;
  const Form form = form_of({body->data(), body->size()});
  if (form.events == 0) {
    co_await exchange.respond(200, "application/json", completion);
    co_return;
  }
  exchange.begin_stream(200, "text/event-stream");
  std::string waiting;
  for (int i = 0; i < form.events; ++i) {
    waiting += fixed_event(i, i + 1 == form.events);
    if (form.at_once) continue;
    auto sent = co_await exchange.write(waiting);
    // What is written in one go leaves together: it is sent before this goes on.
    co_await boost::asio::post(exchange.loop().executor(), async::use_task);
    if (!sent) co_return;
    waiting.clear();
  }
  if (form.usage) waiting += kUsageEvent;
  waiting += "data: [DONE]\n\n";
  auto sent = co_await exchange.write(waiting);
  if (sent) co_await exchange.finish();
}

async::Task<void> forward(http::Client& client, const http::Origin& origin, http::Exchange& exchange) {
  auto body = co_await exchange.read_body();
  if (!body) {
    co_await http::respond_error(exchange, body.error());
    co_return;
  }
  http::ClientRequest request;
  request.method = http::Method::kPost;
  request.target = exchange.head().target;
  request.header_lines = "authorization: Bearer x\r\naccept: */*\r\n";
  request.body = {body->data(), body->size()};
  request.content_type = "application/json";
  request.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  auto response = co_await client.send(origin, request, exchange.cancellation());
  if (!response) {
    co_await http::respond_error(exchange, std::move(response).error());
    co_return;
  }
  if ((*response)->header("transfer-encoding")) {
    exchange.begin_stream((*response)->status(), "text/event-stream");
    while (true) {
      auto piece = co_await (*response)->read();
      if (!piece) co_return;
      if (piece->empty()) break;
      auto sent = co_await exchange.write(*piece);
      if (!sent) co_return;
    }
    co_await exchange.finish();
    co_return;
  }
  auto text = co_await (*response)->read_all(1 << 20);
  if (!text) {
    co_await http::respond_error(exchange, std::move(text).error());
    co_return;
  }
  co_await exchange.respond((*response)->status(), "application/json", *text);
}

int serve(std::uint16_t port, async::Runtime& runtime, http::Handler handler) {
  http::Router router;
  router.add(http::Method::kPost, "/{path...}", std::move(handler));
  http::ServerOptions options;
  options.port = port;
  auto server = http::Server::listen(runtime, std::move(options), std::move(router));
  if (!server) {
    std::fprintf(stderr, "%s\n", server.error().message.c_str());
    return 1;
  }
  sigset_t stops;
  sigemptyset(&stops);
  sigaddset(&stops, SIGTERM);
  sigaddset(&stops, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stops, nullptr);
  runtime.start();
  (*server)->start();
  int signal = 0;
  sigwait(&stops, &signal);
  (*server)->drain(std::chrono::milliseconds(100));
  runtime.stop();
  return 0;
}

// Nanoseconds on a processor, and resident kilobytes.
struct Usage {
  double cpu_ns = 0;
  double resident_kb = 0;
};
// Of a process, and of those that it started: nginx's worker, Fairlead's lake.
struct Usages {
  Usage own, children;
};

void add_process(int pid, Usage& usage, Usage& children) {
  const std::string base = "/proc/" + std::to_string(pid);
  std::error_code error;
  for (const auto& task : std::filesystem::directory_iterator(base + "/task", error)) {
    double spent = 0;
    std::ifstream(task.path() / "schedstat") >> spent;
    usage.cpu_ns += spent;
    std::ifstream pids(task.path() / "children");
    for (int child; pids >> child;) add_process(child, children, children);
  }
  std::ifstream status(base + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) usage.resident_kb += std::atof(line.c_str() + 6);
}

int watched_pid = 0;
std::string settling;  // a request; empty: there is nothing to settle
std::uint16_t settling_port = 0;
Usages at_begin, at_end;

// A question that the lake answers: then all records of the calls so far have been loaded, and their cost is counted.
void settle() {
  if (settling.empty()) return;
  const std::string answer = ask_once(settling_port, settling);
  if (answer.starts_with("HTTP/1.1 200 ")) return;
  std::fprintf(stderr, "the question before a reading failed: %s\n", answer.c_str());
  std::exit(1);
}

void note(bool begins) {
  settle();
  Usages& usages = begins ? at_begin : at_end;
  usages = {};
  add_process(watched_pid, usages.own, usages.children);
}

std::chrono::milliseconds seconds(const std::string& text) {
  return std::chrono::milliseconds(static_cast<long>(std::atof(text.c_str()) * 1000));
}

int load(int argc, char** argv) {
  LoadPlan plan;
  const std::string body(std::istreambuf_iterator<char>(std::cin), {});
  std::string headers = " HTTP/1.1\r\nHost: 127.0.0.1\r\n", path;
  for (int i = 2; i < argc; ++i) {
    const std::string option = argv[i];
    const std::size_t equals = option.find('=');
    if (equals == std::string::npos) return 2;
    const std::string name = option.substr(0, equals), value = option.substr(equals + 1);
    if (name == "port") plan.port = settling_port = static_cast<std::uint16_t>(std::atoi(value.c_str()));
    if (name == "pid") watched_pid = std::atoi(value.c_str());
    if (name == "seconds") plan.time = seconds(value);
    if (name == "warm_up") plan.warm_up = seconds(value);
    if (name == "patience") plan.patience = seconds(value);
    if (name == "connections") plan.connections = std::atoi(value.c_str());
    if (name == "warm") plan.warm_connections = std::atoi(value.c_str());
    if (name == "rate") plan.rate = std::atof(value.c_str());
    if (name == "settle") path = value;
    if (name == "header") headers += value + "\r\n";
  }
  plan.request = "POST /v1/chat/completions" + headers +
                 "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  if (!path.empty()) settling = "GET " + path + headers + "Connection: close\r\n\r\n";
  const LoadResult result = run_load(plan, note);
  const double calls = static_cast<double>(std::max<std::uint64_t>(result.calls, 1));
  std::string failure = result.first_failure;
  for (char& c : failure)
    if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20) c = ' ';
  const double own = at_end.own.cpu_ns - at_begin.own.cpu_ns;
  const double children = at_end.children.cpu_ns - at_begin.children.cpu_ns;
  std::printf(
      "{\"calls\": %llu, \"failures\": %llu, \"per_second\": %.0f, \"cpu_us\": %.2f, \"children_cpu_us\": %.2f, "
      "\"p50_us\": %.0f, \"p99_us\": %.0f, \"resident_mb\": %.1f, \"children_mb\": %.1f, \"request_bytes\": %zu, "
      "\"failure\": \"%s\"}\n",
      static_cast<unsigned long long>(result.calls), static_cast<unsigned long long>(result.failures),
      result.calls / result.seconds, (own + children) / calls / 1000, children / calls / 1000, result.p50_us,
      result.p99_us, (at_end.own.resident_kb + at_end.children.resident_kb) / 1024, at_end.children.resident_kb / 1024,
      plan.request.size(), failure.c_str());
  return result.failures == 0 && result.calls > 0 ? 0 : 1;
}

int run(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "load") return load(argc, argv);
  if (mode == "upstream" && argc >= 3) {
    async::Runtime runtime(1);
    const std::string completion = fixed_completion();
    return serve(static_cast<std::uint16_t>(std::atoi(argv[2])), runtime,
                 [&completion](http::Exchange& e) { return answer(completion, e); });
  }
  if (mode == "proxy" && argc >= 4) {
    async::Runtime runtime(1);
    async::BlockingPool pool(1);
    const auto origin = http::Origin::parse("http://127.0.0.1:" + std::string(argv[3]));
    auto client = http::Client::create(runtime.loop(0), pool, {});
    if (!origin || !client) return 1;
    return serve(static_cast<std::uint16_t>(std::atoi(argv[2])), runtime,
                 [&](http::Exchange& e) { return forward(**client, *origin, e); });
  }
  std::fprintf(stderr, "usage: gateway_load upstream|proxy|load …  (see the top of gateway_load.cc, or use `run`)\n");
  return 2;
}

}  // namespace
}  // namespace fairlead::load

int main(int argc, char** argv) {
  return fairlead::load::run(argc, argv);
}
