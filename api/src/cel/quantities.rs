//! Quantities, such as `500m` or `1.5Gi`.

use xebec_cel::{Arguments, EvaluationError, Library, Opaque, Row, Value};

use crate::Quantity;

pub(super) const LIBRARY: Library = &[
    Row::new("quantity(string) -> quantity", |a| {
        let text = a.text(0)?;
        Quantity::parse(text).map(value).map_err(|why| EvaluationError::invalid(why.to_string()))
    }),
    Row::new("isQuantity(string) -> bool", |a| Ok(Value::Bool(Quantity::parse(a.text(0)?).is_ok()))),
    Row::new("quantity.isInteger() -> bool", |a| Ok(Value::Bool(integer(quantity(a, 0)?).is_some()))),
    Row::new("quantity.asInteger() -> int", |a| {
        let found = integer(quantity(a, 0)?).map(Value::Int);
        found.ok_or_else(|| EvaluationError::invalid("cannot convert value to integer"))
    }),
    Row::new("quantity.asApproximateFloat() -> double", |a| Ok(Value::Double(quantity(a, 0)?.approximate()))),
    Row::new("quantity.sign() -> int", |a| Ok(Value::Int(quantity(a, 0)?.cmp(&Quantity::default()) as i64))),
    Row::new("quantity.add(quantity) -> quantity", |a| Ok(value(quantity(a, 0)? + quantity(a, 1)?))),
    Row::new("quantity.add(int) -> quantity", |a| Ok(value(quantity(a, 0)? + Quantity::whole(a.int(1)?)))),
    Row::new("quantity.sub(quantity) -> quantity", |a| Ok(value(quantity(a, 0)? - quantity(a, 1)?))),
    Row::new("quantity.sub(int) -> quantity", |a| Ok(value(quantity(a, 0)? - Quantity::whole(a.int(1)?)))),
    Row::new("quantity.isLessThan(quantity) -> bool", |a| Ok(Value::Bool(quantity(a, 0)? < quantity(a, 1)?))),
    Row::new("quantity.isGreaterThan(quantity) -> bool", |a| Ok(Value::Bool(quantity(a, 0)? > quantity(a, 1)?))),
    Row::new("quantity.compareTo(quantity) -> int", |a| Ok(Value::Int(quantity(a, 0)?.cmp(&quantity(a, 1)?) as i64))),
];

#[derive(Debug)]
struct Amount(Quantity);

impl Opaque for Amount {
    fn type_name(&self) -> &'static str {
        "quantity"
    }

    fn is_equal(&self, other: &dyn Opaque) -> bool {
        let other: &dyn std::any::Any = other;
        other.downcast_ref::<Self>().is_some_and(|other| other.0 == self.0)
    }
}

fn value(quantity: Quantity) -> Value {
    Value::opaque(Amount(quantity))
}

fn quantity(a: &Arguments<'_>, index: usize) -> Result<Quantity, EvaluationError> {
    Ok(a.opaque::<Amount>(index)?.0)
}

fn integer(quantity: Quantity) -> Option<i64> {
    quantity.is_whole().then(|| quantity.value())
}

#[cfg(test)]
mod tests {
    use crate::cel::{Budget, Expression, Variables, environment};

    fn holds(text: &str) -> bool {
        let expression = Expression::compile(text, &environment()).expect("compiles");
        let value = expression.evaluate(&Variables::new(), &mut Budget::new(10_000));
        value.expect("has a value").as_bool().expect("yes or no")
    }

    #[test]
    fn quantities_compare_and_add() {
        for text in [
            "quantity('1Gi').isGreaterThan(quantity('500Mi'))",
            "quantity('500m').isLessThan(quantity('1'))",
            "quantity('1000m') == quantity('1')",
            "quantity('1k').asInteger() == 1000",
            "!quantity('500m').isInteger()",
            "quantity('500m').asApproximateFloat() == 0.5",
            "quantity('-1').sign() == -1",
            "quantity('50k').add(quantity('20k')) == quantity('70k')",
            "quantity('50k').sub(1) == quantity('49999')",
            "quantity('1').compareTo(quantity('2')) == -1",
            "isQuantity('1.3Gi') && !isQuantity('1.3Zi')",
        ] {
            assert!(holds(text), "{text}");
        }
    }
}
