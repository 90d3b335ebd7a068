// Builds rpm headers and the databases that hold them, for tests: small, and as wrong as a test asks for.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace careen::test {

inline void append(std::string& out, uint64_t v, size_t size, Endian e) {
  for (size_t i = 0; i < size; ++i) out += static_cast<char>(v >> (8 * (e == Endian::little ? i : size - 1 - i)));
}

// The value of one tag. Types: 3 int16, 4 int32, 6 string, 8 array of strings, 9 translated string.
class RpmHeader {
 public:
  RpmHeader& text(uint32_t tag, const std::string& s, uint32_t type = 6) { return add(tag, type, 1, s + '\0'); }
  RpmHeader& texts(uint32_t tag, const std::vector<std::string>& all) {
    std::string data;
    for (const std::string& s : all) data += s + '\0';
    return add(tag, 8, static_cast<uint32_t>(all.size()), data);
  }
  RpmHeader& numbers(uint32_t tag, const std::vector<uint32_t>& all, uint32_t type = 4) {
    std::string data;
    for (uint32_t v : all) append(data, v, type == 3 ? 2 : 4, Endian::big);
    return add(tag, type, static_cast<uint32_t>(all.size()), data);
  }
  RpmHeader& add(uint32_t tag, uint32_t type, uint32_t count, const std::string& data) {
    for (uint64_t v : {tag, type, static_cast<uint32_t>(data_.size()), count}) append(index_, v, 4, Endian::big);
    data_ += data;
    return *this;
  }
  RpmHeader& package(const std::string& name, const std::string& version = "1", const std::string& release = "1") {
    return text(1000, name).text(1001, version).text(1002, release).text(1022, "x86_64");
  }
  std::string blob() const {
    std::string out;
    append(out, index_.size() / 16, 4, Endian::big);
    append(out, data_.size(), 4, Endian::big);
    return out + index_ + data_;
  }

 private:
  std::string index_, data_;
};

inline uint32_t adler32_of(std::string_view s) {
  uint32_t a = 1, b = 0;
  for (char c : s) a = (a + static_cast<uint8_t>(c)) % 65521, b = (b + a) % 65521;
  return b << 16 | a;
}

// One page of slots, then the blobs in blocks of 16 bytes.
inline std::string ndb_file(const std::vector<std::string>& headers) {
  std::string slots, blobs;
  uint32_t number = 0;
  for (const std::string& h : headers) {
    ++number;
    uint64_t size = (28 + h.size() + 15) / 16 * 16;
    std::string blob = "BlbS";
    append(blob, number, 4, Endian::little), append(blob, 1, 4, Endian::little), append(blob, h.size(), 4, Endian::little);
    blob += h;
    blob.resize(size - 12);
    uint32_t sum = adler32_of(blob);
    append(blob, sum, 4, Endian::little), append(blob, h.size(), 4, Endian::little);
    blob += "BlbE";
    slots += "Slot";
    append(slots, number, 4, Endian::little), append(slots, (4096 + blobs.size()) / 16, 4, Endian::little), append(slots, size / 16, 4, Endian::little);
    blobs += blob;
  }
  std::string out = "RpmP";
  for (uint64_t v : {0U, 1U, 1U, number + 1, 0U, 0U, 0U}) append(out, v, 4, Endian::little);
  out += slots;
  while (out.size() < 4096) out += "Slot" + std::string(12, '\0');
  return out + blobs;
}

// A Berkeley DB hash file of 512-byte pages: page 1 holds the items, the pages behind it what is too large for it.
inline std::string bdb_file(const std::vector<std::string>& headers, Endian e = Endian::little) {
  constexpr size_t kPage = 512, kHead = 26;
  std::vector<std::string> overflow, items;
  for (size_t i = 0; i < headers.size(); ++i) {
    std::string key(1, '\x01');
    append(key, i + 1, 4, Endian::little);
    items.push_back(key);
    if (headers[i].size() <= 100) {
      items.push_back('\x01' + headers[i]);
      continue;
    }
    std::string item(1, '\x03');
    item += std::string(3, '\0');
    append(item, 2 + overflow.size(), 4, e), append(item, headers[i].size(), 4, e);
    items.push_back(item);
    for (size_t at = 0; at < headers[i].size(); at += kPage - kHead) {
      std::string part = headers[i].substr(at, kPage - kHead);
      std::string page(16, '\0');
      append(page, at + part.size() < headers[i].size() ? 3 + overflow.size() : 0, 4, e);
      append(page, 1, 2, e), append(page, part.size(), 2, e);
      page += std::string{'\0', '\x07'} + part;
      page.resize(kPage);
      overflow.push_back(page);
    }
  }
  std::string page(20, '\0'), index, data;
  append(page, items.size(), 2, e), append(page, 0, 2, e);
  page += std::string{'\0', '\x0d'};
  size_t end = kPage;
  for (const std::string& item : items) {
    end -= item.size();
    append(index, end, 2, e);
    data.insert(0, item);
  }
  page += index;
  page.resize(kPage - data.size());
  page += data;
  std::string meta(12, '\0');
  append(meta, 0x61561, 4, e), append(meta, 9, 4, e), append(meta, kPage, 4, e);
  meta += std::string{'\0', '\x08', '\0', '\0'};
  append(meta, 0, 4, e), append(meta, 1 + overflow.size(), 4, e);
  meta.resize(kPage);
  std::string out = meta + page;
  for (const std::string& p : overflow) out += p;
  return out;
}

}  // namespace careen::test
