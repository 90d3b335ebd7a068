// Errors as values. Result<T> holds a T or an Error; the macros pass an Error on to the caller.
//
//   CAREEN_TRY(expr);                 returns the Error of a Result<…> expression, drops its value
//   CAREEN_ASSIGN(auto x, expr);      the same, else declares x with the value
//
// Which of the three kinds of failure to use is written in ARCHITECTURE.md, "Errors". CAREEN_CHECK is for our own bugs
// only: it stays on in release builds and no input may reach it.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace careen {

enum class Errc : uint8_t {
  usage,        // the user asked for something that makes no sense
  not_found,    // the thing named is not there
  io,           // the operating system said no
  network,      // a peer did not answer, or not as the protocol says
  auth,         // a peer refused our credentials, or wants some
  corrupt,      // bytes break their format
  truncated,    // bytes end too early
  limit,        // a named limit was passed
  unsupported,  // well formed, but of a kind that careen does not read
  mismatch,     // a digest is not that of the bytes
  interrupted,  // a worker was killed or crashed
};

std::string_view to_text(Errc code);

// What happened, where and what to do about it, in that order. `what` never ends in a full stop.
struct Error {
  Errc code = Errc::io;
  std::string what;

  // Puts where it happened in front: "layer 3: usr/lib/x: string table ends past the file".
  Error in(std::string_view where) && {
    what.insert(0, std::string(where) + ": ");
    return std::move(*this);
  }
};

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value) : v_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : v_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)
  explicit operator bool() const { return v_.index() == 0; }
  T& operator*() & { return std::get<0>(v_); }
  const T& operator*() const& { return std::get<0>(v_); }
  T&& operator*() && { return std::get<0>(std::move(v_)); }
  T* operator->() { return &std::get<0>(v_); }
  const T* operator->() const { return &std::get<0>(v_); }
  const Error& error() const& { return std::get<1>(v_); }
  Error&& error() && { return std::get<1>(std::move(v_)); }

 private:
  std::variant<T, Error> v_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : v_(std::move(error)) {}  // NOLINT(google-explicit-constructor)
  explicit operator bool() const { return v_.index() == 0; }
  void operator*() const {}
  const Error& error() const& { return std::get<1>(v_); }
  Error&& error() && { return std::get<1>(std::move(v_)); }

 private:
  std::variant<std::monostate, Error> v_;
};

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace careen

#define CAREEN_CAT2(a, b) a##b
#define CAREEN_CAT(a, b) CAREEN_CAT2(a, b)
#define CAREEN_ASSIGN_(tmp, decl, expr) \
  auto tmp = (expr);                    \
  if (!tmp) [[unlikely]]                \
    return std::move(tmp).error();      \
  decl = *std::move(tmp)
#define CAREEN_ASSIGN(decl, expr) CAREEN_ASSIGN_(CAREEN_CAT(careen_r_, __COUNTER__), decl, expr)
#define CAREEN_TRY(expr)                   \
  do {                                     \
    auto careen_r_ = (expr);               \
    if (!careen_r_) [[unlikely]]           \
      return std::move(careen_r_).error(); \
  } while (false)
#define CAREEN_CHECK(cond) ((cond) ? void() : ::careen::check_failed(#cond, __FILE__, __LINE__))
