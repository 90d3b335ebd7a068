// Builds tar archives byte by byte, so that a test can write what no tool would: each call appends blocks to `out`.
#pragma once
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace careen::test {

enum class TarMagic : uint8_t { v7, ustar, gnu };

struct TarHeader {
  std::string name;
  char type = '0';
  uint64_t size = 0;
  std::string link = {};
  uint64_t mode = 0644, uid = 0, gid = 0;
  TarMagic magic = TarMagic::ustar;
  std::string prefix = {};
  std::string raw_size = {};                                 // in place of the octal number, when set
  std::vector<std::pair<size_t, std::string>> patches = {};  // bytes put over the header before its checksum
};

class TarBytes {
 public:
  std::string out;

  static std::string octal(uint64_t v, int digits) {
    char text[32];
    std::snprintf(text, sizeof text, "%0*llo", digits, static_cast<unsigned long long>(v));
    return text;
  }
  static std::string base256(uint64_t v, size_t width) {
    std::string s(width, '\0');
    for (size_t i = 0; i < 8; ++i) s[width - 1 - i] = static_cast<char>(v >> (8 * i));
    s[0] = static_cast<char>(s[0] | '\x80');
    return s;
  }
  // One record of a pax header with its own length in front.
  static std::string record(const std::string& key, const std::string& value) {
    std::string rest = " " + key + "=" + value + "\n";
    size_t n = rest.size() + 1;
    while (std::to_string(n).size() + rest.size() != n) n = std::to_string(n).size() + rest.size();
    return std::to_string(n) + rest;
  }
  static std::string block(const TarHeader& h) {
    std::string b(512, '\0');
    auto put = [&](size_t at, std::string_view s, size_t room) { b.replace(at, std::min(s.size(), room), s.substr(0, room)); };
    put(0, h.name, 100);
    put(100, octal(h.mode, 7), 8);
    put(108, octal(h.uid, 7), 8);
    put(116, octal(h.gid, 7), 8);
    put(124, h.raw_size.empty() ? octal(h.size, 11) : h.raw_size, 12);
    put(136, octal(0, 11), 12);
    b[156] = h.type;
    put(157, h.link, 100);
    if (h.magic == TarMagic::ustar)
      put(257,
          std::string_view("ustar\0"
                           "00",
                           8),
          8);
    if (h.magic == TarMagic::gnu) put(257, std::string_view("ustar  \0", 8), 8);
    put(345, h.prefix, 155);
    for (const auto& [at, bytes] : h.patches) b.replace(at, bytes.size(), bytes);
    return with_checksum(std::move(b));
  }
  static std::string with_checksum(std::string b) {
    b.replace(148, 8, 8, ' ');
    unsigned sum = 0;
    for (char c : b) sum += static_cast<unsigned char>(c);
    return b.replace(148, 8, octal(sum, 6) + std::string("\0 ", 2));
  }

  TarBytes& raw(std::string_view bytes) { return out += bytes, *this; }
  TarBytes& header(const TarHeader& h) { return raw(block(h)); }
  TarBytes& padded(std::string_view data) {
    out += data;
    out.append((512 - data.size() % 512) % 512, '\0');
    return *this;
  }
  TarBytes& file(TarHeader h, std::string_view data) {
    h.size = data.size();
    return header(h).padded(data);
  }
  TarBytes& file(const char* name, std::string_view data) { return file(TarHeader{.name = name}, data); }
  TarBytes& special(char type, std::string_view data, const std::string& name = "x") { return file(TarHeader{.name = name, .type = type}, data); }
  TarBytes& pax(std::string_view records) { return special('x', records, "PaxHeaders/x"); }
  TarBytes& end() { return out.append(1024, '\0'), *this; }
};

}  // namespace careen::test
