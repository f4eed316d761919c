#include "bench/retailer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace retailsync::bench {
namespace {

using model::v1::Entity;

constexpr int64_t kPlacedAt = 1767225600;  // 2026-01-01T00:00:00Z
constexpr uint64_t kFirstOrder = 1'000'000'000;

constexpr std::string_view kStreets[] = {"High Street", "Station Road", "Church Lane", "Mill Hill",
                                         "Kings Avenue"};
constexpr std::string_view kTowns[] = {"Leeds", "Bristol", "Norwich", "Exeter", "Aberdeen"};
constexpr std::string_view kNames[] = {"Anna", "Bashir", "Chloe", "Dmitri", "Eilidh", "Farah"};
constexpr std::string_view kGoods[] = {"Enamel mug, 400 ml", "Wool blanket, grey",
                                       "Cast-iron pan, 26 cm", "Desk lamp with clamp",
                                       "Tea towels, set of three"};

template <size_t n>
std::string Pick(const std::string_view (&words)[n], uint64_t number) {
  return std::string(words[number % n]);
}

std::string Sku(uint64_t index) {
  return fmt::format("SKU-{:08}", index);
}
std::string CustomerNumber(uint64_t index) {
  return fmt::format("C-{:08}", index);
}

void SetPence(model::v1::Money* money, int64_t pence) {
  money->set_currency("GBP");
  money->set_units(pence / 100);
  money->set_nanos(static_cast<int32_t>(pence % 100) * 10'000'000);
}

int64_t Pence(const model::v1::Money& money) {
  return money.units() * 100 + money.nanos() / 10'000'000;
}

void SetPieces(model::v1::Quantity* quantity, int64_t pieces) {
  quantity->mutable_value()->set_units(pieces);
  quantity->set_unit("EA");
}

void SetAddress(model::v1::Address* address, uint64_t number) {
  address->set_name(Pick(kNames, number) + " Example");
  address->add_lines(fmt::format("{} {}", number % 180 + 1, Pick(kStreets, number / 7)));
  address->set_city(Pick(kTowns, number / 11));
  address->set_postal_code(fmt::format("LS{} {}AB", number % 29 + 1, number % 9));
  address->set_country_code("GB");
}

uint64_t NumberAtTheEnd(const std::string& text) {
  uint64_t number = 0;
  size_t at = text.find_last_not_of("0123456789");
  for (at = at == std::string::npos ? 0 : at + 1; at < text.size(); ++at) {
    number = number * 10 + static_cast<uint64_t>(text[at] - '0');
  }
  return number;
}

const std::string& KeyOf(const Entity& entity) {
  switch (entity.kind_case()) {
    case Entity::kProduct:
      return entity.product().sku();
    case Entity::kPrice:
      return entity.price().product().key();
    case Entity::kInventoryLevel:
      return entity.inventory_level().product().key();
    case Entity::kCustomer:
      return entity.customer().number();
    case Entity::kOrder:
      return entity.order().number();
    default:
      std::abort();  // the Retailer makes no such thing
  }
}

}  // namespace

// SplitMix64 (Steele, Lea, Flood 2014).
uint64_t Scramble(uint64_t number) {
  number += 0x9E3779B97F4A7C15u;
  number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9u;
  number = (number ^ (number >> 27)) * 0x94D049BB133111EBu;
  return number ^ (number >> 31);
}

ZipfNumbers::ZipfNumbers(uint64_t n, double exponent) {
  sums_.reserve(n);
  double sum = 0;
  for (uint64_t k = 1; k <= n; ++k) {
    sum += std::pow(static_cast<double>(k), -exponent);
    sums_.push_back(sum);
  }
}

uint64_t ZipfNumbers::At(uint64_t draw) const {
  const double chance = static_cast<double>(Scramble(draw) >> 11) * 0x1.0p-53;
  const auto found = std::lower_bound(sums_.begin(), sums_.end(), chance * sums_.back());
  const auto rank = static_cast<uint64_t>(found - sums_.begin());
  // Neighbours in rank are no neighbours in number: a factor without a common divisor scatters.
  constexpr uint64_t kPrime = 2'654'435'761;
  return std::min<uint64_t>(rank, sums_.size() - 1) * kPrime % sums_.size();
}

Retailer::Retailer(uint64_t products, uint64_t customers)
    : products_(products), customers_(customers), popular_(products) {}

Entity Retailer::Product(uint64_t index, int64_t value) const {
  Entity entity;
  auto* product = entity.mutable_product();
  product->set_sku(Sku(index));
  product->set_kind(model::v1::PRODUCT_KIND_GOODS);
  product->set_status(model::v1::PRODUCT_STATUS_ACTIVE);
  product->set_base_unit("EA");
  product->set_brand("Plainware");
  product->set_tax_category("standard");
  product->set_country_of_origin("GB");
  product->add_categories("home/kitchen");
  product->mutable_weight_kg()->set_units(value);
  auto* title = product->add_titles();
  title->set_locale("en");
  title->set_text(Pick(kGoods, index));
  auto* description = product->add_descriptions();
  description->set_locale("en");
  description->set_text(
      "Made to be used every day and to be handed on. Wash by hand; dry well. Spare parts for ten "
      "years.");
  return entity;
}

Entity Retailer::Price(uint64_t index, int64_t value) const {
  Entity entity;
  auto* price = entity.mutable_price();
  price->mutable_product()->set_key(Sku(index));
  price->set_list("default");
  price->set_currency("GBP");
  price->set_tax_inclusive(true);
  price->set_unit("EA");
  auto* entry = price->add_entries();
  entry->set_id("1");
  SetPence(entry->mutable_amount(), value);
  return entity;
}

Entity Retailer::Level(uint64_t index, int64_t value) const {
  Entity entity;
  auto* level = entity.mutable_inventory_level();
  level->mutable_product()->set_key(Sku(index));
  level->set_location("leeds-1");
  SetPieces(level->mutable_on_hand(), value);
  SetPieces(level->mutable_reserved(), value / 10);
  return entity;
}

Entity Retailer::Customer(uint64_t index, int64_t value) const {
  Entity entity;
  auto* customer = entity.mutable_customer();
  customer->set_number(CustomerNumber(index));
  customer->set_kind(model::v1::CUSTOMER_KIND_PERSON);
  customer->set_given_name(Pick(kNames, index));
  customer->set_family_name("Example");
  customer->set_email(fmt::format("customer{}@example.com", index));
  customer->set_locale("en");
  customer->set_currency("GBP");
  auto* address = customer->add_addresses();
  address->set_id("1");
  SetAddress(address->mutable_address(), Scramble(index));
  SetPence(customer->mutable_credit_limit(), value);
  return entity;
}

Retailer::Line Retailer::LineOf(uint64_t order, uint64_t line) const {
  const uint64_t draw = order * 4 + line;
  const uint64_t more = Scramble(draw ^ 0x5EED);
  return {.product = popular_.At(draw),
          .pieces = 1 + static_cast<int64_t>(more % 3),
          .pence = 100 + static_cast<int64_t>(more / 3 % 9900)};
}

int64_t Retailer::OrderValue(uint64_t index) const {
  int64_t pence = 0;
  for (uint64_t i = 0; i < 4; ++i) {
    const Line line = LineOf(index, i);
    pence += line.pieces * line.pence;
  }
  return pence;
}

Entity Retailer::Order(uint64_t index) const {
  const uint64_t chance = Scramble(index);
  const uint64_t customer = chance % customers_;
  Entity entity;
  auto* order = entity.mutable_order();
  order->set_number(fmt::format("{}", kFirstOrder + index));
  order->set_status(model::v1::ORDER_STATUS_OPEN);
  order->mutable_customer()->set_key(CustomerNumber(customer));
  order->set_currency("GBP");
  order->mutable_placed_at()->set_seconds(kPlacedAt + static_cast<int64_t>(index / 20));
  order->set_channel("web");
  order->set_tax_inclusive(true);
  order->set_locale("en-GB");
  order->set_email(fmt::format("customer{}@example.com", customer));
  SetAddress(order->mutable_shipping_address(), Scramble(customer));
  int64_t total = 0;
  for (uint64_t i = 0; i < 4; ++i) {
    const Line chosen = LineOf(index, i);
    const int64_t pence = chosen.pieces * chosen.pence;
    auto* line = order->add_lines();
    line->set_id(fmt::format("{}", (kFirstOrder + index) * 10 + i));
    line->set_position(static_cast<int32_t>(i) + 1);
    line->mutable_product()->set_key(Sku(chosen.product));
    line->set_title(Pick(kGoods, chosen.product));
    line->set_requires_shipping(true);
    SetPieces(line->mutable_quantity(), chosen.pieces);
    SetPence(line->mutable_unit_price()->mutable_shop(), chosen.pence);
    SetPence(line->mutable_amount()->mutable_shop(), pence);
    auto* tax = line->add_taxes();
    tax->set_title("VAT 20%");
    tax->mutable_rate()->set_nanos(200'000'000);
    SetPence(tax->mutable_amount()->mutable_shop(), pence / 6);
    total += pence;
  }
  SetPence(order->mutable_subtotal()->mutable_shop(), total);
  SetPence(order->mutable_tax_total()->mutable_shop(), total / 6);
  SetPence(order->mutable_total()->mutable_shop(), total);
  auto* tender = order->add_tenders();
  tender->set_id("1");
  tender->set_kind("card");
  tender->set_provider("visa");
  SetPence(tender->mutable_amount()->mutable_shop(), total);
  return entity;
}

uint64_t IndexOf(const Entity& entity) {
  const uint64_t number = NumberAtTheEnd(KeyOf(entity));
  return entity.kind_case() == Entity::kOrder ? number - kFirstOrder : number;
}

int64_t ValueOf(const Entity& entity) {
  switch (entity.kind_case()) {
    case Entity::kProduct:
      return entity.product().weight_kg().units();
    case Entity::kPrice:
      return Pence(entity.price().entries(0).amount());
    case Entity::kInventoryLevel:
      return entity.inventory_level().on_hand().value().units();
    case Entity::kCustomer:
      return Pence(entity.customer().credit_limit());
    case Entity::kOrder:
      return Pence(entity.order().total().shop());
    default:
      std::abort();  // the Retailer makes no such thing
  }
}

model::v1::Change Say(std::string_view system, uint64_t change, IdOrder ids, Entity entity) {
  model::v1::Change said;
  if (ids == IdOrder::kAscending) {
    said.set_id(fmt::format("event-{:016}", change));
  } else {
    const uint64_t high = Scramble(change);
    const uint64_t low = Scramble(high ^ change);
    said.set_id(fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", high >> 32, high >> 16 & 0xffff,
                            high & 0xfff, 0x8000 | (low >> 48 & 0x3fff), low & 0xffffffffffff));
  }
  said.set_source(std::string(system));
  // What the system calls it itself: a number that grows with the entities.
  const auto type = static_cast<uint64_t>(TypeOf(entity));
  said.set_subject(fmt::format("{}", 5'000'000'000'000 + type * 100'000'000'000 + IndexOf(entity)));
  said.set_operation(model::v1::OPERATION_UPSERT);
  said.mutable_time()->set_seconds(kPlacedAt + static_cast<int64_t>(change / 20));
  said.set_source_version(static_cast<int64_t>(change) + 1);
  *said.mutable_entity() = std::move(entity);
  return said;
}

}  // namespace retailsync::bench
