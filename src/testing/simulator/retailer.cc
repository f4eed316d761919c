#include "testing/simulator/retailer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "retailsync/governance/ownership_table.h"
#include "retailsync/testing/sample_entities.h"

namespace retailsync::testing {
namespace {

using model::v1::Entity;
using T = EntityType;

// What flows, as a retailer would have it. An empty `from` is everyone.
struct Flow {
  EntityType type;
  std::string_view from;
  std::string_view to;
};
constexpr Flow kFlows[] = {
    {T::kProduct, "", kShop},
    {T::kProduct, "", kErp},
    {T::kProduct, "", kWarehouse},
    {T::kPrice, kErp, kShop},
    {T::kInventoryLevel, kErp, kShop},
    {T::kInventoryAdjustment, kWarehouse, kErp},
    {T::kCustomer, "", kErp},
    {T::kCustomer, "", kShop},
    {T::kOrder, kShop, kErp},
    {T::kOrder, kShop, kWarehouse},
    {T::kOrder, kShop, kPaymentService},
    {T::kFulfilment, "", kShop},
    {T::kFulfilment, "", kErp},
    {T::kFulfilment, "", kCarrier},
    {T::kReturn, kShop, kErp},
    {T::kReturn, kShop, kPaymentService},
    {T::kPayment, kPaymentService, kErp},
    {T::kPayment, kPaymentService, kShop},
    {T::kLedgerPosting, kPaymentService, kErp},
};

bool IsForPayment(const Entity& entity) {
  return !entity.has_order() || entity.order().channel() == "web";
}

absl::StatusOr<Entity> WithoutPrivate(const Entity& entity) {
  Entity shared = entity;
  HidePrivate(shared);
  return shared;
}

void SetPounds(model::v1::DualMoney* money, int64_t pounds) {
  money->mutable_shop()->set_currency("GBP");
  money->mutable_shop()->set_units(pounds);
}

}  // namespace

Retailer::Retailer(World* world, const SimulationOptions& options)
    : world_(*world), rules_all_(world->choices.Hit(Stream::kWorkload, 400)) {
  AddSystem(kShop,
            {T::kProduct, T::kPrice, T::kInventoryLevel, T::kCustomer, T::kFulfilment, T::kPayment},
            {T::kProduct, T::kPrice, T::kInventoryLevel, T::kCustomer, T::kOrder, T::kReturn},
            options);
  AddSystem(kErp,
            {T::kProduct, T::kInventoryAdjustment, T::kCustomer, T::kOrder, T::kFulfilment,
             T::kReturn, T::kPayment, T::kLedgerPosting},
            {T::kProduct, T::kPrice, T::kInventoryLevel, T::kCustomer, T::kOrder}, options);
  AddSystem(kWarehouse, {T::kProduct, T::kOrder}, {T::kInventoryAdjustment, T::kFulfilment},
            options);
  AddSystem(kCarrier, {T::kFulfilment}, {T::kFulfilment}, options);
  AddSystem(kPaymentService, {T::kOrder, T::kReturn}, {T::kPayment, T::kLedgerPosting}, options);
  for (const Guest& guest : options.guests) {
    if (Find(guest.system) == nullptr) AddSystem(guest.system, guest.takes, {}, options);
  }
  AddRoutes();
  AddOwnership();

  warehouse().on_effect = [this](EntityNo entity, const Entity& sent) {
    if (sent.has_order()) OnOrderToShip(entity, sent);
  };
  carrier().on_effect = [this](EntityNo entity, const Entity& sent) { OnShipped(entity, sent); };
  payment().on_effect = [this](EntityNo, const Entity& sent) {
    if (sent.has_order()) OnOrderToPay(sent);
    if (sent.has_return_case()) OnReturnToRefund(sent);
  };
  erp().on_effect = [this](EntityNo entity, const Entity& sent) { OnErp(entity, sent); };
}

RetailSystem* Retailer::Find(const std::string& name) const {
  for (const auto& system : systems_) {
    if (system->name() == name) return system.get();
  }
  return nullptr;
}

// -- What the systems are like

SystemTraits Retailer::DrawTraits() {
  const auto hit = [&](uint32_t permille) {
    return world_.choices.Hit(Stream::kWorkload, permille);
  };
  const auto between = [&](int64_t least, int64_t most) {
    return world_.choices.Between(Stream::kWorkload, least, most);
  };
  SystemTraits traits;
  switch (between(0, 7)) {
    case 0:
    case 1:
      traits.key_lifetime = absl::InfiniteDuration();
      traits.searchable = false;
      break;
    case 2:
      traits.key_lifetime = absl::Minutes(between(3, 60));
      traits.searchable = false;
      break;
    case 3:
    case 4:
      traits.key_lifetime = absl::Minutes(between(3, 60));
      break;
    case 5:
    case 6:
      break;
    default:  // it can do neither
      traits.searchable = false;
  }
  if (traits.searchable && hit(200)) traits.visible_after = absl::Seconds(between(2, 20));
  traits.batch_writes_max = static_cast<int>(between(1, 12));
  traits.conditional_writes = hit(350);
  traits.deletes = !hit(150);
  traits.listable = !hit(200);
  traits.normalises = hit(400);
  if (hit(150)) traits.calls_per_second = static_cast<double>(between(2, 40)) / 4;
  traits.page_changes_max = static_cast<int>(between(2, 60));
  traits.versions = !hit(150);
  traits.rows_by_time = traits.versions && hit(400);
  traits.webhooks = traits.versions && hit(400);
  traits.readable = !traits.webhooks || !hit(400);
  traits.echoes = hit(500);
  traits.echoes_carry_key = hit(300) || !MayRepeatOthers();
  // Newer interfaces have both. A choice of its own would make another story of every seed.
  traits.acknowledgements = traits.conditional_writes;
  return traits;
}

void Retailer::AddSystem(std::string_view name, std::set<EntityType> takes,
                         std::set<EntityType> tells, const SimulationOptions& options) {
  world_.choices.BeginGroup(Stream::kWorkload);
  RetailSystem::Profile profile;
  profile.name = name;
  profile.takes = std::move(takes);
  profile.tells = std::move(tells);
  profile.traits = DrawTraits();
  profile.patches = world_.choices.Hit(Stream::kWorkload, 400);
  profile.hides_private = name == kWarehouse;
  profile.clock_error = world_.choices.Between(Stream::kWorkload, 0, 120) * kSecond;
  // A choice of its own would make another story of every seed.
  profile.traits.refers_by_ids = profile.clock_error / kSecond % 2 == 1;
  for (const Guest& guest : options.guests) {
    if (guest.system == name && guest.traits.has_value()) profile.traits = *guest.traits;
  }
  if (profile.tells.empty()) profile.traits.readable = false;
  systems_.push_back(std::make_unique<RetailSystem>(&world_, std::move(profile)));
}

// -- What flows

void Retailer::AddRoutes() {
  const auto add = [&](const Flow& flow) {
    Route route;
    route.name =
        fmt::format("{}-{}-{}", flow.from.empty() ? "any" : flow.from, flow.to, Name(flow.type));
    route.from = flow.from;
    route.to = flow.to;
    route.entity = flow.type;
    if (flow.type == T::kOrder && flow.to == kWarehouse) route.transform = WithoutPrivate;
    if (flow.type == T::kOrder && flow.to == kPaymentService) route.filter = IsForPayment;
    route.share = static_cast<double>(world_.choices.Between(Stream::kWorkload, 1, 8)) / 2;
    routes_.push_back(std::move(route));
  };
  for (const Flow& flow : kFlows) add(flow);
  for (size_t i = 5; i < systems_.size(); ++i) {
    for (const EntityType type : systems_[i]->takes()) add({type, "", systems_[i]->name()});
  }
  ReferenceModel& model = world_.model;
  model.SetFilter(payment().number(), [this, &model](EntityNo entity) {
    if (model.TypeOfEntity(entity) != T::kOrder) return true;
    const Entity* order = shop().Find(entity);
    return order == nullptr || IsForPayment(*order);
  });
}

bool Retailer::Rules(EntityType type) const {
  if (type == T::kFulfilment && !rules_shipments_) return false;
  return rules_all_ || PartsOf(type).size() > 1;
}

bool Retailer::MayRepeat(const RetailSystem& system, EntityNo entity) const {
  const auto parts = PartsOf(world_.model.TypeOfEntity(entity));
  // The first owner of what nobody rules is not told what others say of it.
  const bool is_its_own = system.Owns(entity) && (Rules(world_.model.TypeOfEntity(entity)) ||
                                                  parts[0].owner == system.name());
  return is_its_own || MayRepeatOthers();
}

// Types that two systems write are ruled almost always; the others in some seeds only.
void Retailer::AddOwnership() {
  // Without owners an echo that carries our key is nothing but that.
  if (!rules_all_ && carrier().patches() && !carrier().traits().echoes) {
    rules_shipments_ = !world_.choices.Hit(Stream::kWorkload, 700);
  }
  std::vector<governance::OwnershipRule> rules;
  for (int i = 1; i < kEntityTypeCount; ++i) {
    const auto type = static_cast<EntityType>(i);
    const auto parts = PartsOf(type);
    if (!Rules(type)) continue;
    for (const Part& part : parts) {
      rules.push_back({.type = type,
                       .path = std::string(part.path),
                       .scope = {},
                       .systems = {std::string(part.owner)}});
    }
  }
  auto table = governance::OwnershipTable::Create(std::move(rules));
  if (!table.ok()) {
    world_.Break("set up", table.status().ToString());
    return;
  }
  ownership_ = std::make_unique<governance::OwnershipTable>(*std::move(table));
}

// -- How the systems react

Micros Retailer::Pause(int64_t minutes_max) {
  return world_.choices.Between(Stream::kWorkload, 0, minutes_max * 60) * kSecond + kSecond;
}

void Retailer::OnOrderToShip(EntityNo entity, const Entity& sent) {
  const std::string number = "F" + sent.order().number();
  const EntityNo fulfilment = world_.model.Find(T::kFulfilment, number);
  if (warehouse().Find(fulfilment) != nullptr) return;
  if (sent.order().status() != model::v1::ORDER_STATUS_OPEN || sent.order().lines().empty()) return;
  Entity shipment;
  auto* model = shipment.mutable_fulfilment();
  model->set_number(number);
  model->mutable_order()->set_key(sent.order().number());
  model->set_status(model::v1::FULFILMENT_STATUS_RELEASED);
  model->set_location("main");
  for (const auto& line : sent.order().lines()) {
    auto* copy = model->add_lines();
    copy->set_id(line.id());
    copy->set_order_line(line.id());
    *copy->mutable_product() = line.product();
    *copy->mutable_quantity() = line.quantity();
  }
  static_cast<void>(entity);
  warehouse().Decide(std::move(shipment));
  world_.queue.In(Pause(10), "picks",
                  [this, fulfilment] { Ship(fulfilment, model::v1::FULFILMENT_STATUS_PICKED); });
}

void Retailer::Ship(EntityNo fulfilment, model::v1::FulfilmentStatus status) {
  const Entity* held = warehouse().Find(fulfilment);
  if (held == nullptr) return;
  Entity shipment = *held;
  shipment.mutable_fulfilment()->set_status(status);
  warehouse().Decide(shipment);
  if (status == model::v1::FULFILMENT_STATUS_PICKED) {
    world_.queue.In(Pause(10), "ships",
                    [this, fulfilment] { Ship(fulfilment, model::v1::FULFILMENT_STATUS_SHIPPED); });
    return;
  }
  if (status != model::v1::FULFILMENT_STATUS_SHIPPED) return;
  // Some time after the carrier has begun to tell of it.
  world_.queue.In(Pause(60), "delivered",
                  [this, fulfilment] { Ship(fulfilment, model::v1::FULFILMENT_STATUS_DELIVERED); });
  for (const auto& line : shipment.fulfilment().lines()) {
    Adjust(line.product().key(), -line.quantity().value().units(),
           model::v1::ADJUSTMENT_REASON_SALE);
  }
}

void Retailer::OnShipped(EntityNo entity, const Entity& sent) {
  if (sent.fulfilment().status() != model::v1::FULFILMENT_STATUS_SHIPPED) return;
  static constexpr const char* kMilestones[] = {"collected", "delivered"};
  for (size_t i = 0; i < 2; ++i) {
    world_.queue.In(Pause(15) + static_cast<Micros>(i) * 15 * kMinute, "carries", [this, entity] {
      const Entity* held = carrier().Find(entity);
      if (held == nullptr) return;
      const auto count = static_cast<size_t>(held->fulfilment().milestones_size());
      if (count >= 2) return;
      Entity shipment = *held;
      auto* milestone = shipment.mutable_fulfilment()->add_milestones();
      milestone->set_id(std::to_string(count + 1));
      milestone->set_description(kMilestones[count]);
      carrier().Decide(std::move(shipment));
    });
  }
}

void Retailer::Pay(const std::string& number, model::v1::PaymentKind kind, const std::string& order,
                   const std::string& parent, int64_t pounds) {
  Entity entity;
  auto* payment_model = entity.mutable_payment();
  payment_model->set_number(number);
  payment_model->set_kind(kind);
  payment_model->set_status(model::v1::PAYMENT_STATUS_SUCCEEDED);
  payment_model->mutable_order()->set_key(order);
  if (!parent.empty()) payment_model->mutable_parent()->set_key(parent);
  SetPounds(payment_model->mutable_amount(), pounds);
  payment().Decide(std::move(entity));
}

// Each time that it is told to take money it does: it has no way to know better.
void Retailer::OnOrderToPay(const Entity& sent) {
  const std::string& number = sent.order().number();
  if (sent.order().status() != model::v1::ORDER_STATUS_OPEN || sent.order().amendments_size() > 0) {
    return;
  }
  const int64_t pounds = sent.order().total().shop().units();
  Account& account = accounts_[number];
  const std::string suffix = account.captured == 0 ? "" : fmt::format("-again{}", account.captured);
  account.ordered = pounds;
  account.captured += pounds;
  Pay("A" + number + suffix, model::v1::PAYMENT_KIND_AUTHORISATION, number, "", pounds);
  Pay("C" + number + suffix, model::v1::PAYMENT_KIND_CAPTURE, number, "A" + number + suffix,
      pounds);
  CheckBooks();
}

void Retailer::OnReturnToRefund(const Entity& sent) {
  const auto& model = sent.return_case();
  if (model.status() != model::v1::RETURN_STATUS_AUTHORISED) return;
  const int64_t pounds = model.total().shop().units();
  Account& account = accounts_[model.order().key()];
  if (account.captured == 0) return;  // there is nothing to give back
  Pay(fmt::format("R{}-{}", model.number(), account.refunded), model::v1::PAYMENT_KIND_REFUND,
      model.order().key(), "", pounds);
  account.refunded += pounds;
  CheckBooks();
}

void Retailer::OnErp(EntityNo entity, const Entity& sent) {
  switch (sent.kind_case()) {
    case Entity::kInventoryAdjustment:
      for (const auto& line : sent.inventory_adjustment().lines()) {
        int64_t& stock = erp_stock_[line.product().key()];
        stock += line.quantity().value().units();
        erp().Decide(MakeLevel(line.product().key(), stock));
      }
      break;
    case Entity::kPayment: {
      Account& account = accounts_[sent.payment().order().key()];
      const int64_t pounds = sent.payment().amount().shop().units();
      if (sent.payment().kind() == model::v1::PAYMENT_KIND_CAPTURE) account.booked += pounds;
      if (sent.payment().kind() == model::v1::PAYMENT_KIND_REFUND) account.booked -= pounds;
      break;
    }
    case Entity::kLedgerPosting:
      paid_out_booked_ += sent.ledger_posting().lines(0).amount().units();
      break;
    case Entity::kCustomer:
      // New customers are given credit after a while.
      if (sent.customer().has_credit_limit()) break;
      world_.queue.In(Pause(20), "gives credit", [this, entity] {
        const Entity* held = erp().Find(entity);
        if (held == nullptr || held->customer().has_credit_limit()) return;
        Entity customer = *held;
        customer.mutable_customer()->mutable_credit_limit()->set_currency("GBP");
        customer.mutable_customer()->mutable_credit_limit()->set_units(100);
        erp().Decide(std::move(customer));
      });
      break;
    default:
      break;
  }
}

void Retailer::Adjust(const std::string& sku, int64_t pieces, model::v1::AdjustmentReason reason) {
  Entity adjustment = MakeAdjustment(fmt::format("M{}", ++last_adjustment_), sku, pieces);
  adjustment.mutable_inventory_adjustment()->set_reason(reason);
  stock_[sku] += pieces;
  warehouse().Decide(std::move(adjustment));
}

void Retailer::PayOut() {
  const int64_t pounds = 10 + last_payout_;
  paid_out_ += pounds;
  payment().Decide(MakePosting(fmt::format("P{}", ++last_payout_), pounds, "payout"));
}

// -- Books

void Retailer::DisregardBooks(EntityType type) {
  switch (type) {
    case T::kInventoryAdjustment:
    case T::kInventoryLevel:
      stock_agrees_ = false;
      break;
    case T::kPayment:
    case T::kLedgerPosting:
      money_agrees_ = false;
      break;
    default:
      break;
  }
}

void Retailer::CheckBooks() {
  for (const auto& [order, account] : accounts_) {
    if (account.captured > account.ordered || account.refunded > account.captured) {
      world_.Break("I10", fmt::format("order {}: of {} ordered {} was captured, and {} refunded",
                                      order, account.ordered, account.captured, account.refunded));
    }
  }
}

void Retailer::CheckFinalBooks() {
  CheckBooks();
  for (const auto& [order, account] : accounts_) {
    if (money_agrees_ && account.captured - account.refunded != account.booked) {
      world_.Break("I10", fmt::format("order {}: {} captured less {} refunded is not the {} booked",
                                      order, account.captured, account.refunded, account.booked));
    }
  }
  if (money_agrees_ && paid_out_ != paid_out_booked_) {
    world_.Break("I10", fmt::format("{} was paid out and {} booked", paid_out_, paid_out_booked_));
  }
  for (const auto& [sku, pieces] : stock_) {
    if (!stock_agrees_) return;
    const Entity* level = shop().Find(world_.model.Find(MakeLevel(sku, 0)));
    const int64_t shown = level == nullptr ? 0 : level->inventory_level().on_hand().value().units();
    if (erp_stock_[sku] != pieces || shown != pieces) {
      world_.Break("I9", fmt::format("{}: adjustments sum to {}, the ERP has {}, the shop shows {}",
                                     sku, pieces, erp_stock_[sku], shown));
    }
  }
}

}  // namespace retailsync::testing
