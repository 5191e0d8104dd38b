// Values from a seed, by the names of libFuzzer's FuzzedDataProvider, so that what plays a guest or
// a host takes either: a fuzz target's bytes, or so many bytes' worth of chance in a unit test.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <initializer_list>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

namespace test {

class RandomInput {
 public:
  RandomInput(uint64_t seed, size_t bytes) : random_(seed), left_(bytes) {}

  size_t remaining_bytes() const { return left_; }
  template <class Integer>
  Integer ConsumeIntegral() {
    Take(sizeof(Integer));
    return static_cast<Integer>(random_());
  }
  template <class Integer>
  Integer ConsumeIntegralInRange(Integer first, Integer last) {
    Take(sizeof(Integer));
    const auto span = static_cast<uint64_t>(last) - static_cast<uint64_t>(first);
    const uint64_t value = span == UINT64_MAX ? random_() : random_() % (span + 1);
    return static_cast<Integer>(static_cast<uint64_t>(first) + value);
  }
  bool ConsumeBool() { return (ConsumeIntegral<uint8_t>() & 1) != 0; }
  template <class Float>
  Float ConsumeProbability() {
    return static_cast<Float>(ConsumeIntegral<uint32_t>()) / static_cast<Float>(UINT32_MAX);
  }
  template <class T>
  T PickValueInArray(std::initializer_list<const T> values) {
    return *(values.begin() + ConsumeIntegralInRange<size_t>(0, values.size() - 1));
  }
  template <class Byte>
  std::vector<Byte> ConsumeBytes(size_t size) {
    std::vector<Byte> bytes(std::min(size, left_));
    for (Byte& byte : bytes) byte = static_cast<Byte>(random_());
    Take(bytes.size());
    return bytes;
  }

 private:
  void Take(size_t bytes) { left_ -= std::min(left_, bytes); }

  std::mt19937_64 random_;
  size_t left_;
};

// How much a random test does: `usual`, or ten times that with LAB_SOAK=1.
inline size_t Effort(size_t usual) {
  const char* soak = std::getenv("LAB_SOAK");
  return soak != nullptr && std::string(soak) == "1" ? 10 * usual : usual;
}

}  // namespace test
