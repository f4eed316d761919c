#include "store/sqlite/key_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

namespace retailsync::store::sqlite {
namespace {

constexpr size_t kNumberBytes = sizeof(uint64_t);

std::string Pack(std::span<const uint64_t> numbers) {
  std::string bytes(numbers.size() * kNumberBytes, '\0');
  for (size_t i = 0; i < numbers.size(); ++i) {
    StoreNumber(numbers[i], bytes.data() + i * kNumberBytes);
  }
  return bytes;
}

void Unpack(std::string_view bytes, std::vector<uint64_t>* numbers) {
  for (size_t i = 0; i + kNumberBytes <= bytes.size(); i += kNumberBytes) {
    numbers->push_back(LoadNumber<uint64_t>(bytes.data() + i));
  }
}

// What is wrong with a part that should come next; null when nothing is.
const char* AddPart(const KeyPartRow& row, KeyRun* run) {
  if (row.part != run->parts.size()) {
    return "it is not the one that should come next";
  }
  if (row.pages.empty() || row.pages.size() % kNumberBytes != 0 ||
      row.pages.size() != row.first_keys.size() || row.last_key >> kKeyBits != 0) {
    return "a value is out of range";
  }
  if (!run->filter.Load(row.first_block, row.filter)) {
    return "its filter does not fit";
  }
  Unpack(row.pages, &run->pages);
  Unpack(row.first_keys, &run->first_keys);
  run->parts.push_back({.pages = run->pages.size(),
                        .last = {row.last_key, row.last_seq},
                        .block = run->filter.BlockOf(row.last_key)});
  return nullptr;
}

}  // namespace

size_t KeyRun::PageOf(uint64_t key) const {
  // A key that a page begins with may be what the page before ends with.
  const auto first = std::lower_bound(first_keys.begin(), first_keys.end(), key);
  return first == first_keys.begin() ? 0 : static_cast<size_t>(first - first_keys.begin()) - 1;
}

absl::StatusOr<std::shared_ptr<KeyRun>> LoadKeyRun(KeyRows* rows, const KeyRunRow& row,
                                                   uint64_t search_from) {
  if (row.filter_blocks == 0 || row.filter_blocks > KeyFilter::BlocksFor(row.entries, kKeyBits) ||
      row.first_seq > row.last_seq) {
    return rows->Damaged(fmt::format("key_run {}", row.id), "a number is out of range");
  }
  auto run = std::make_shared<KeyRun>(row);
  run->SearchFrom(search_from);
  absl::Status status = rows->ReadParts(row.id, [&](const KeyPartRow& part) {
    const char* problem = AddPart(part, run.get());
    return problem == nullptr
               ? absl::OkStatus()
               : rows->Damaged(fmt::format("key_part {}/{}", part.run, part.part), problem);
  });
  if (!status.ok()) {
    return status;
  }
  if (row.state == KeyRunState::kWhole && run->parts.size() != row.parts) {
    return rows->Damaged(fmt::format("key_run {}", row.id), "not all of its parts are there");
  }
  return run;
}

KeyRunWriter::KeyRunWriter(KeyRows* rows, std::shared_ptr<KeyRun> run)
    : rows_(rows), run_(std::move(run)), page_(run_->row.first_seq, run_->seq_bits()) {
  if (!run_->parts.empty()) {
    written_ = run_->parts.back().last;
    last_ = written_;
  }
}

absl::Status KeyRunWriter::WritePage() {
  const auto id =
      rows_->WritePage(page_.Finish(run_->row.id, static_cast<uint32_t>(run_->pages.size())));
  if (!id.ok()) {
    return id.status();
  }
  run_->pages.push_back(*id);
  run_->first_keys.push_back(page_.first_key());
  page_.Truncate(0);
  written_ = last_;
  const size_t pages_before = run_->parts.empty() ? 0 : run_->parts.back().pages;
  return run_->pages.size() - pages_before < kPartPages
             ? absl::OkStatus()
             : WritePart(run_->filter.BlockOf(last_->key) + 1);
}

// The block that the last entry is in may get more from the next part, which begins with it.
absl::Status KeyRunWriter::WritePart(uint64_t blocks_end) {
  const KeyPartEnd before = run_->parts.empty() ? KeyPartEnd() : run_->parts.back();
  const std::span<const uint64_t> pages(run_->pages);
  const std::span<const uint64_t> first_keys(run_->first_keys);
  absl::Status status =
      rows_->PutPart({.run = run_->row.id,
                      .part = run_->parts.size(),
                      .last_key = last_->key,
                      .last_seq = last_->seq,
                      .pages = Pack(pages.subspan(before.pages)),
                      .first_keys = Pack(first_keys.subspan(before.pages)),
                      .first_block = before.block,
                      .filter = run_->filter.Bytes(before.block, blocks_end - before.block)});
  run_->parts.push_back(
      {.pages = run_->pages.size(), .last = *last_, .block = run_->filter.BlockOf(last_->key)});
  return status;
}

absl::Status KeyRunWriter::Finish() {
  if (page_.entries() > 0) {
    if (absl::Status status = WritePage(); !status.ok()) {
      return status;
    }
  }
  if (run_->parts.empty() || run_->parts.back().pages < run_->pages.size()) {
    if (absl::Status status = WritePart(run_->filter.blocks()); !status.ok()) {
      return status;
    }
  }
  run_->row.state = KeyRunState::kWhole;
  run_->row.parts = run_->parts.size();
  return rows_->PutRun(run_->row);
}

KeyRunWriter::Mark KeyRunWriter::Here() const {
  return {.parts = run_->parts.size(),
          .pages = run_->pages.size(),
          .entries = page_.entries(),
          .written = written_,
          .last = last_};
}

void KeyRunWriter::Rewind(const Mark& mark) {
  const bool is_same_page = run_->pages.size() == mark.pages;
  page_.Truncate(is_same_page ? mark.entries : 0);
  last_ = is_same_page ? mark.last : mark.written;
  written_ = mark.written;
  run_->parts.resize(mark.parts);
  run_->pages.resize(mark.pages);
  run_->first_keys.resize(mark.pages);
  run_->row.state = KeyRunState::kGrowing;
  run_->row.parts = 0;
}

absl::Status KeyRunCursor::Seek(const std::optional<StoredKey>& after) {
  number_ = after.has_value() ? run_->PageOf(after->key) : 0;
  if (absl::Status status = ReadPage(); !status.ok()) {
    return status;
  }
  if (!after.has_value()) {
    return absl::OkStatus();
  }
  index_ = page_.LowerBound(after->key);
  if (index_ == page_.entries()) {
    if (absl::Status status = NextPage(); !status.ok()) {
      return status;
    }
  }
  while (!at_end() && Get() <= *after) {
    if (absl::Status status = Next(); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::Status KeyRunCursor::NextPage() {
  if (number_ + 1 == run_->pages.size()) {
    return absl::OkStatus();
  }
  ++number_;
  return ReadPage();
}

absl::Status KeyRunCursor::ReadPage() {
  absl::Status status = rows_->ReadPage(run_->pages[number_], run_->row.id,
                                        static_cast<uint32_t>(number_), bytes_.get());
  if (status.ok()) {
    page_ = KeyPage(bytes_->data());
    index_ = 0;
  }
  return status;
}

}  // namespace retailsync::store::sqlite
