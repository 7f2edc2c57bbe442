// SPDX-License-Identifier: MIT
#include "runtime/v8_requests.h"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "runtime/v8_properties.h"
#include "runtime/v8_strings.h"

namespace timeslice::runtime {

namespace {

constexpr size_t kMostObjects = 4096;  // looked at for one stack
constexpr size_t kMostRequests = 8;
constexpr uint32_t kMostElements = 64;  // of an array or of variables
constexpr int kDeepest = 2;             // from variables to those around them
constexpr uint32_t kLongestMethod = 20, kLongestPath = 200;
// Of an object that stands for a function that waits: its function, context, receiver, what it was
// given, where it goes on, its registers, its promise.
constexpr uint64_t kFirstKept = 24, kLastKept = 88;

bool is_method(const std::string& text) {
  return text.size() >= 3 && std::all_of(text.begin(), text.end(), [](char letter) {
           return (letter >= 'A' && letter <= 'Z') || letter == '-';
         });
}

bool is_path(const std::string& text) { return text[0] == '/' || text.rfind("http", 0) == 0; }

class Search {
 public:
  explicit Search(V8Heap& heap) : heap_(heap), properties_(heap) {}

  std::vector<HttpRequest> run(std::span<const uint64_t> words) {
    for (const int depth : {0, kDeepest}) {
      seen_.clear();
      for (const uint64_t word : words) look(word, depth);
      if (!found_.empty()) break;
    }
    return std::move(found_);
  }

 private:
  void look(uint64_t word, int depth) {
    if (!V8Heap::looks_like_object(word) || seen_.size() >= kMostObjects) return;
    if (!seen_.insert(word).second) return;
    const auto object = heap_.object(word);
    if (!object) return;
    const V8Layout& layout = heap_.layout();
    const V8Layout::Properties& at = layout.properties;
    if (object->type == at.plain_object) return add_if_served(*object);
    if (depth <= 0) return;
    if (object->type == at.async_function || object->type == at.async_generator) {
      for (uint64_t kept = kFirstKept; kept < kLastKept; kept += 8)
        if (const auto next = heap_.field(*object, kept)) look(*next, depth);
    } else if (object->type == layout.types.fixed_array ||
               (object->type >= at.first_context && object->type <= at.last_context)) {
      const auto length = heap_.array_length(*object, kMostElements);
      for (uint32_t i = 0; i < length.value_or(0); ++i)
        if (const auto next = heap_.element(*object, i)) look(*next, depth - 1);
    }
  }

  // A request, or the response to one.
  void add_if_served(const V8Object& object) {
    const std::string& constructor = properties_.constructor_name(object);
    if (constructor == "IncomingMessage") add(object);
    if (constructor != "ServerResponse") return;
    if (const auto request = object_in(object, "req")) add(*request);
  }

  void add(const V8Object& object) {
    if (found_.size() >= kMostRequests || !is_served(object)) return;
    const auto method = text(object, "method", kLongestMethod);
    auto path = text(object, "url", kLongestPath);
    if (!method || !path || !is_method(*method) || !is_path(*path)) return;
    path->resize(std::min(path->find_first_of("?#"), path->size()));
    HttpRequest request{*method, *path};
    if (std::find(found_.begin(), found_.end(), request) == found_.end())
      found_.push_back(std::move(request));
  }

  // Node's socket keeps the response that it is for at the moment, and that its request.
  bool is_served(const V8Object& request) {
    const auto socket = object_in(request, "socket");
    const auto response = socket ? object_in(*socket, "_httpMessage") : std::nullopt;
    const auto back = response ? object_in(*response, "req") : std::nullopt;
    return back && back->tagged == request.tagged;
  }

  std::optional<V8Object> object_in(const V8Object& owner, const char* name) {
    const auto word = properties_.find(owner, name);
    return word ? heap_.object(*word) : std::nullopt;
  }
  std::optional<std::string> text(const V8Object& owner, const char* name, uint32_t most) {
    const auto word = properties_.find(owner, name);
    auto read = word ? read_string(heap_, *word, most) : std::nullopt;
    return read && !read->empty() ? read : std::nullopt;
  }

  V8Heap& heap_;
  V8Properties properties_;
  std::unordered_set<uint64_t> seen_;
  std::vector<HttpRequest> found_;
};

}  // namespace

std::vector<HttpRequest> http_requests(V8Heap& heap, std::span<const uint64_t> words) {
  return heap.layout().properties.known ? Search(heap).run(words) : std::vector<HttpRequest>();
}

}  // namespace timeslice::runtime
