// Which of many vectors is the nearest to one, if it is near enough. Why it is no graph: docs/decisions/0015-cache.md.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "llm/words.h"

namespace fairlead::gateway::cache {

// A sketch of a vector: the signs of 256 random directions (Charikar, Similarity estimation techniques from rounding
// algorithms, STOC 2002), here rows of two randomised Hadamard transforms. Two vectors differ in as many bits as the
// angle between them says.
using Sketch = std::array<std::uint64_t, 4>;
Sketch sketch_of(const llm::Embedding& vector);

// Vectors of unit length, each at a place. All sketches are scanned, and the cosine is taken of those that may be near
// enough: one that just is would be missed once in 30,000. Belongs to one thread.
class Neighbours {
 public:
  std::size_t size() const { return sketches_.size(); }
  // Its place is size() - 1 then. It is not copied: it stays where it is until it is removed.
  void add(const llm::Embedding& vector);
  // The last one takes its place.
  void remove(std::size_t place);

  struct Near {
    std::size_t place;
    float similarity;
  };
  // Nothing if none of that size is as near as `threshold`.
  std::optional<Near> nearest(const llm::Embedding& to, float threshold) const;

 private:
  std::vector<Sketch> sketches_;
  std::vector<const llm::Embedding*> vectors_;
};

}  // namespace fairlead::gateway::cache
