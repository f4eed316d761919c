#include "testing/simulator/people.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "retailsync/testing/sample_entities.h"
#include "testing/simulator/entity_slips.h"

namespace retailsync::testing {
namespace {

using model::v1::Entity;

constexpr int kProductsMax = 8;
constexpr int kCustomersMax = 8;
// Statements that are told again, or contradicted, are not older than that: the engine need not
// remember for longer.
constexpr size_t kRecentStatements = 30;

std::string Sku(uint32_t number) {
  return fmt::format("S{}", number);
}

}  // namespace

People::People(World* world, Retailer* retailer, bool may_contradict)
    : world_(*world), retailer_(*retailer), may_contradict_(may_contradict) {}

void People::OpenShop() {
  for (int i = 0; i < 2; ++i) {
    AddProduct();
    AddCustomer();
  }
}

void People::Act() {
  static constexpr Habit kHabits[] = {
      {14, &People::PlaceOrder}, {8, &People::AmendOrder},  {3, &People::CancelOrder},
      {5, &People::Return},      {12, &People::CountStock}, {12, &People::SetPrice},
      {6, &People::EditProduct}, {6, &People::EditTitle},   {6, &People::EditCustomer},
      {4, &People::SetCredit},   {3, &People::AddProduct},  {4, &People::AddCustomer},
      {3, &People::PayOut},      {6, &People::DeletePrice}, {8, &People::SaySomethingAgain},
      {2, &People::StockStorm},
  };
  world_.choices.BeginGroup(Stream::kWorkload);
  uint32_t total = 0;
  for (const Habit& habit : kHabits) total += habit.weight;
  uint32_t at = Below(total);
  for (const Habit& habit : kHabits) {
    if (at < habit.weight) return (this->*habit.act)();
    at -= habit.weight;
  }
}

std::string People::Text(RetailSystem& system, const char* what) {
  // People change their minds back.
  if (system.faults().Strikes(Fault::kToldBack, Familiarity::kKnown)) {
    return fmt::format("{} {}", what, Below(3));
  }
  return fmt::format("{} {}", what, 10 + ++texts_);
}

void People::Say(RetailSystem& system, Entity entity) {
  static constexpr std::pair<Fault, Slip> kSlips[] = {
      {Fault::kGarbled, Slip::kGarbled},
      {Fault::kUnknownEnumerator, Slip::kUnknownEnumerator},
      {Fault::kUnreadable, Slip::kUnreadable},
      {Fault::kTrespass, Slip::kTrespass},
  };
  const EntityNo number = world_.model.Find(entity);
  const auto familiarity = system.Find(number) == nullptr ? Familiarity::kNew : Familiarity::kKnown;
  // What is deleted and comes back keeps fields that its owner does not know of.
  const bool may_come_back = entity.has_price();
  if (familiarity == Familiarity::kNew && !may_come_back &&
      system.faults().Strikes(Fault::kUnknownField, familiarity)) {
    AddUnknownField(&entity);
  }
  Slip slip = Slip::kNone;
  for (const auto& [fault, what] : kSlips) {
    const bool may_meet = what != Slip::kTrespass || familiarity == Familiarity::kKnown;
    if (slip == Slip::kNone && may_meet && system.faults().Strikes(fault, familiarity)) slip = what;
  }
  system.Decide(std::move(entity), slip);
}

const Entity* People::Pick(RetailSystem& system, EntityType type) {
  std::vector<EntityNo> held;
  for (const EntityNo entity : system.Held()) {
    if (world_.model.TypeOfEntity(entity) == type) held.push_back(entity);
  }
  if (held.empty()) return nullptr;
  return system.Find(held[Below(static_cast<uint32_t>(held.size()))]);
}

// -- The ERP's people

void People::AddProduct() {
  if (products_ >= kProductsMax) return EditProduct();
  const std::string sku = Sku(static_cast<uint32_t>(products_++));
  Entity product = MakeProduct(sku, "");
  product.mutable_product()->clear_titles();
  product.mutable_product()->set_brand(fmt::format("brand {}", ++texts_));
  Say(retailer_.erp(), std::move(product));
  Say(retailer_.erp(), MakePrice(sku, 1'000'000 * (1 + Below(50)) + 5'000));
  retailer_.Adjust(sku, 50 + Below(50), model::v1::ADJUSTMENT_REASON_RECEIPT);
}

void People::EditProduct() {
  const Entity* held = Pick(retailer_.erp(), EntityType::kProduct);
  if (held == nullptr) return;
  Entity product = *held;
  product.mutable_product()->set_brand(Text(retailer_.erp(), "brand"));
  Say(retailer_.erp(), std::move(product));
}

void People::SetCredit() {
  const Entity* held = Pick(retailer_.erp(), EntityType::kCustomer);
  if (held == nullptr) return;
  Entity customer = *held;
  auto* limit = customer.mutable_customer()->mutable_credit_limit();
  limit->set_currency("GBP");
  limit->set_units(100 + Below(20));
  Say(retailer_.erp(), std::move(customer));
}

void People::SetPrice() {
  const std::string sku = Sku(Below(static_cast<uint32_t>(products_)));
  // In fractions of a penny, which not every system keeps.
  int64_t micros = 1'000'000 * (1 + Below(50)) + 1'000 * Below(8);
  if (retailer_.erp().faults().Strikes(Fault::kToldBack, Familiarity::kKnown)) {
    micros = 5'000'000 + 1'000'000 * Below(2);
  }
  Entity price = MakePrice(sku, micros);
  if (const Entity* held = retailer_.erp().Find(world_.model.Find(price))) {
    Entity changed = *held;
    *changed.mutable_price()->mutable_entries() = price.price().entries();
    price = std::move(changed);
  }
  Say(retailer_.erp(), std::move(price));
}

void People::DeletePrice() {
  const Entity* held = Pick(retailer_.erp(), EntityType::kPrice);
  if (held == nullptr || !retailer_.erp().faults().Strikes(Fault::kDeleted, Familiarity::kKnown)) {
    return SetPrice();
  }
  retailer_.erp().DecideDeleted(world_.model.Find(*held));
}

// -- The warehouse's

void People::CountStock() {
  const std::string sku = Sku(Below(static_cast<uint32_t>(products_)));
  retailer_.Adjust(sku, static_cast<int64_t>(Below(21)) - 5, model::v1::ADJUSTMENT_REASON_COUNT);
}

void People::StockStorm() {
  const uint32_t count = (5 + Below(25)) * (Below(4) == 3 ? 6 : 1);
  for (uint32_t i = 0; i < count; ++i) CountStock();
}

// -- The shop's

void People::EditTitle() {
  const Entity* held = Pick(retailer_.shop(), EntityType::kProduct);
  if (held == nullptr) return;
  Entity product = *held;
  product.mutable_product()->clear_titles();
  auto* title = product.mutable_product()->add_titles();
  title->set_locale("en");
  title->set_text(Text(retailer_.shop(), "title"));
  Say(retailer_.shop(), std::move(product));
}

void People::AddCustomer() {
  if (customers_ >= kCustomersMax) return EditCustomer();
  Say(retailer_.shop(),
      MakeCustomer(fmt::format("C{}", customers_++), Text(retailer_.shop(), "ann")));
}

void People::EditCustomer() {
  const Entity* held = Pick(retailer_.shop(), EntityType::kCustomer);
  if (held == nullptr) return;
  Entity customer = *held;
  customer.mutable_customer()->set_given_name(Text(retailer_.shop(), "ann"));
  Say(retailer_.shop(), std::move(customer));
}

void People::PlaceOrder() {
  std::vector<std::string> skus;
  const uint32_t lines = 1 + Below(3);
  for (uint32_t i = 0; i < lines; ++i) {
    std::string sku = Sku(Below(static_cast<uint32_t>(products_)));
    if (std::find(skus.begin(), skus.end(), sku) == skus.end()) skus.push_back(std::move(sku));
  }
  const std::string number = fmt::format("{}", 1001 + orders_++);
  Entity order = MakeOrder(number, fmt::format("placed {}", ++texts_),
                           fmt::format("C{}", Below(static_cast<uint32_t>(customers_))), skus);
  if (Below(3) == 2) order.mutable_order()->set_email(fmt::format("{}@example.com", texts_));
  if (Below(5) == 4) {
    order.mutable_order()->set_channel("till");
  } else {
    returnable_.push_back(number);
  }
  Say(retailer_.shop(), std::move(order));
}

void People::AmendOrder() {
  const Entity* held = Pick(retailer_.shop(), EntityType::kOrder);
  if (held == nullptr) return PlaceOrder();
  Entity order = *held;
  auto* model = order.mutable_order();
  if (Below(4) == 3) {
    // Only some systems are told of this.
    model->set_email(fmt::format("{}@example.com", ++texts_));
  } else {
    model->set_note(fmt::format("amended {}", ++texts_));
  }
  auto* amendment = model->add_amendments();
  amendment->set_id(fmt::format("{}", model->amendments_size()));
  amendment->set_reason("asked for");
  Say(retailer_.shop(), std::move(order));
}

void People::CancelOrder() {
  const Entity* held = Pick(retailer_.shop(), EntityType::kOrder);
  if (held == nullptr) return;
  Entity order = *held;
  order.mutable_order()->set_status(model::v1::ORDER_STATUS_CANCELLED);
  order.mutable_order()->set_note(fmt::format("cancelled {}", ++texts_));
  Say(retailer_.shop(), std::move(order));
}

void People::Return() {
  if (returnable_.empty()) return PlaceOrder();
  const uint32_t at = Below(static_cast<uint32_t>(returnable_.size()));
  const std::string number = returnable_[at];
  returnable_.erase(returnable_.begin() + at);
  const Entity* order = retailer_.shop().Find(world_.model.Find(EntityType::kOrder, number));
  if (order == nullptr) return;
  Entity entity;
  auto* model = entity.mutable_return_case();
  model->set_number("V" + number);
  model->set_kind(model::v1::RETURN_KIND_REFUND);
  model->set_status(model::v1::RETURN_STATUS_REQUESTED);
  model->mutable_order()->set_key(number);
  *model->mutable_customer() = order->order().customer();
  model->set_currency("GBP");
  *model->mutable_total() = order->order().total();
  for (const auto& line : order->order().lines()) {
    auto* copy = model->add_lines();
    copy->set_id(line.id());
    copy->set_order_line(line.id());
    *copy->mutable_product() = line.product();
    *copy->mutable_quantity() = line.quantity();
  }
  Say(retailer_.shop(), entity);
  static constexpr model::v1::ReturnStatus kSteps[] = {model::v1::RETURN_STATUS_AUTHORISED,
                                                       model::v1::RETURN_STATUS_COMPLETED};
  const EntityNo number_of_return = world_.model.Find(entity);
  Micros delay = 0;
  for (const auto status : kSteps) {
    delay += static_cast<Micros>(1 + Below(20)) * kMinute;
    world_.queue.In(delay, "handles a return", [this, number_of_return, status] {
      const Entity* held = retailer_.shop().Find(number_of_return);
      if (held == nullptr) return;
      Entity next = *held;
      next.mutable_return_case()->set_status(status);
      Say(retailer_.shop(), std::move(next));
    });
  }
}

// -- Anyone's

void People::PayOut() {
  retailer_.PayOut();
}

void People::SaySomethingAgain() {
  const auto& systems = retailer_.systems();
  RetailSystem& system = *systems[Below(5)];
  Feed& feed = system.feed();
  if (feed.size() == 0) return;
  const size_t recent = std::min(feed.size(), kRecentStatements);
  const size_t number = feed.size() - 1 - Below(static_cast<uint32_t>(recent));
  const Statement& statement = feed.At(number);
  const bool is_plain = !statement.reject.has_value() && !statement.right.has_value();
  const auto familiarity = statement.taken ? Familiarity::kKnown : Familiarity::kNew;
  // What the engine has forgotten, told without a version, would be news.
  const EntityType type = world_.model.TypeOfEntity(statement.entity);
  const bool is_anothers = PartsOf(type)[0].owner != system.name();
  const bool may_repeat = may_contradict_ || system.traits().versions;
  if (may_repeat && system.faults().Strikes(Fault::kToldTwice, familiarity)) {
    system.TellTwice(number);
  } else if (system.Find(statement.entity) != nullptr && is_plain &&
             retailer_.MayRepeat(system, statement.entity) &&
             system.faults().Strikes(Fault::kToldUnchanged, Familiarity::kKnown)) {
    system.TellUnchanged(statement.entity);
  } else if (is_anothers && retailer_.Rules(type) && !system.traits().rows_by_time &&
             system.Find(statement.entity) != nullptr &&
             system.faults().Strikes(Fault::kForeignDeletion, Familiarity::kKnown)) {
    system.TellDeleted(statement.entity);
  } else if (may_contradict_ && statement.taken && is_plain &&
             statement.taken_as == statement.change.id() &&
             statement.change.operation() == model::v1::OPERATION_UPSERT &&
             system.faults().Strikes(Fault::kContradiction, Familiarity::kKnown)) {
    system.Contradict(number);
  }
}

}  // namespace retailsync::testing
