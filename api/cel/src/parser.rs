//! From tokens to a tree, by descent: one function a level of precedence.

use crate::ast::{Entry, Expr, Item, Node};
use crate::lexer::{Placed, Token, tokens};
use crate::{CompileError, Key, Value, macros};

/// The most characters of an expression.
pub const MAX_TEXT: usize = 100_000;

/// The most levels of an expression: parentheses, arguments, and operators that stand in a row.
pub const MAX_DEPTH: usize = 128;

/// What no variable may be called.
pub const RESERVED: [&str; 19] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
    "null",
];

const RELATIONS: [&str; 6] = ["<", "<=", ">", ">=", "==", "!="];

/// The tree of a text.
pub(crate) fn parse(text: &str) -> Result<Node, CompileError> {
    if text.chars().count() > MAX_TEXT {
        return Err(CompileError::new(text, 0, format!("expression has more than {MAX_TEXT} characters")));
    }
    let mut parser = Parser { text, tokens: tokens(text)?, next: 0, level: 0 };
    let node = parser.expression()?;
    match parser.peek() {
        Token::End => Ok(node),
        other => Err(parser.unexpected(&other.clone())),
    }
}

pub(crate) struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Placed>,
    next: usize,
    level: usize,
}

type Parsed = Result<Node, CompileError>;

impl Parser<'_> {
    fn peek(&self) -> &Token {
        &self.tokens[self.next].token
    }

    fn at(&self) -> usize {
        self.tokens[self.next].at
    }

    /// The next token; the last one stays.
    fn take(&mut self) -> Token {
        let token = self.peek().clone();
        self.next = (self.next + 1).min(self.tokens.len() - 1);
        token
    }

    fn is(&self, symbol: &str) -> bool {
        matches!(self.peek(), Token::Symbol(found) if *found == symbol)
    }

    /// Takes the symbol if it is next.
    fn eat(&mut self, symbol: &str) -> bool {
        let found = self.is(symbol);
        if found {
            self.take();
        }
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<(), CompileError> {
        if self.eat(symbol) {
            return Ok(());
        }
        let found = self.peek().clone();
        Err(self.error(self.at(), format!("Syntax error: expecting '{symbol}', found {}", describe(&found))))
    }

    pub(crate) fn error(&self, at: usize, message: impl Into<String>) -> CompileError {
        CompileError::new(self.text, at, message)
    }

    fn unexpected(&self, token: &Token) -> CompileError {
        self.error(self.at(), format!("Syntax error: unexpected {}", describe(token)))
    }

    /// A node, unless the tree gets too deep.
    pub(crate) fn node(&self, at: usize, expr: Expr) -> Parsed {
        let depth = 1 + Node::children(&expr).iter().map(|child| child.depth).max().unwrap_or(0);
        if depth > MAX_DEPTH {
            return Err(self.too_deep(at));
        }
        Ok(Node { at, depth, expr })
    }

    fn too_deep(&self, at: usize) -> CompileError {
        self.error(at, format!("expression is nested more than {MAX_DEPTH} levels deep"))
    }

    fn call(&self, at: usize, function: &str, args: Vec<Node>) -> Parsed {
        self.node(at, Expr::Call { function: function.to_owned(), target: None, args })
    }

    fn expression(&mut self) -> Parsed {
        self.level += 1;
        if self.level > MAX_DEPTH {
            return Err(self.too_deep(self.at()));
        }
        let condition = self.or()?;
        let at = self.at();
        let node = if self.eat("?") {
            let then = self.or()?;
            self.expect(":")?;
            let other = self.expression()?;
            self.node(at, Expr::If(Box::new([condition, then, other])))
        } else {
            Ok(condition)
        };
        self.level -= 1;
        node
    }

    fn or(&mut self) -> Parsed {
        let at = self.at();
        let mut nodes = vec![self.and()?];
        while self.eat("||") {
            nodes.push(self.and()?);
        }
        self.one_or(at, nodes, Expr::Or)
    }

    fn and(&mut self) -> Parsed {
        let at = self.at();
        let mut nodes = vec![self.relation()?];
        while self.eat("&&") {
            nodes.push(self.relation()?);
        }
        self.one_or(at, nodes, Expr::And)
    }

    fn one_or(&self, at: usize, mut nodes: Vec<Node>, many: fn(Vec<Node>) -> Expr) -> Parsed {
        match nodes.pop() {
            Some(node) if nodes.is_empty() => Ok(node),
            last => {
                nodes.extend(last);
                self.node(at, many(nodes))
            }
        }
    }

    fn relation(&mut self) -> Parsed {
        let mut left = self.sum()?;
        loop {
            let at = self.at();
            let operator = match self.peek() {
                Token::Symbol(symbol) if RELATIONS.contains(symbol) => format!("_{symbol}_"),
                Token::Name(word) if word == "in" => "@in".to_owned(),
                _ => return Ok(left),
            };
            self.take();
            let right = self.sum()?;
            left = self.call(at, &operator, vec![left, right])?;
        }
    }

    fn sum(&mut self) -> Parsed {
        self.chain(&["+", "-"], Self::product)
    }

    fn product(&mut self) -> Parsed {
        self.chain(&["*", "/", "%"], Self::unary)
    }

    fn chain(&mut self, operators: &[&str], operand: fn(&mut Self) -> Parsed) -> Parsed {
        let mut left = operand(self)?;
        while let Some(operator) = operators.iter().find(|operator| self.is(operator)) {
            let at = self.at();
            self.take();
            let right = operand(self)?;
            left = self.call(at, &format!("_{operator}_"), vec![left, right])?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Parsed {
        let at = self.at();
        let mut count = 0_usize;
        let symbol = if self.is("!") { "!" } else { "-" };
        while self.eat(symbol) {
            count += 1;
        }
        if symbol == "-" && count % 2 == 1 && matches!(self.peek(), Token::Int(_) | Token::Double(_)) {
            return self.negative(at);
        }
        let operand = self.member()?;
        if count.is_multiple_of(2) {
            return Ok(operand);
        }
        self.call(at, if symbol == "!" { "!_" } else { "-_" }, vec![operand])
    }

    /// The sign belongs to the number: the least integer has no positive counterpart.
    fn negative(&mut self, at: usize) -> Parsed {
        let value = match self.take() {
            Token::Int(digits) => self.integer(at, &format!("-{digits}"))?,
            Token::Double(number) => Value::Double(-number),
            other => return Err(self.unexpected(&other)),
        };
        let node = self.node(at, Expr::Literal(value))?;
        self.members(node)
    }

    fn integer(&self, at: usize, text: &str) -> Result<Value, CompileError> {
        let number = match text.split_once("0x") {
            Some((sign, digits)) => i64::from_str_radix(&format!("{sign}{digits}"), 16),
            None => text.parse(),
        };
        number.map(Value::Int).map_err(|_| self.error(at, format!("invalid int literal {text}")))
    }

    fn member(&mut self) -> Parsed {
        let node = self.primary()?;
        self.members(node)
    }

    fn members(&mut self, mut node: Node) -> Parsed {
        loop {
            let at = self.at();
            if self.eat(".") {
                node = self.dot(at, node)?;
            } else if self.eat("[") {
                node = self.index(at, node)?;
            } else {
                return Ok(node);
            }
        }
    }

    fn index(&mut self, at: usize, of: Node) -> Parsed {
        let function = if self.eat("?") { "_[?_]" } else { "_[_]" };
        let index = self.expression()?;
        self.expect("]")?;
        self.call(at, function, vec![of, index])
    }

    /// What follows a dot: a field or a method.
    fn dot(&mut self, at: usize, of: Node) -> Parsed {
        let optional = self.eat("?");
        let (name, quoted) = match self.take() {
            Token::Name(name) if name != "in" => (name, false),
            Token::Quoted(name) => (name, true),
            other => {
                return Err(self.error(at, format!("Syntax error: expecting a field name, found {}", describe(&other))));
            }
        };
        if optional || quoted || !self.eat("(") {
            return self.node(at, Expr::Select { of: Box::new(of), field: Key::String(name.into()), optional });
        }
        let args = self.list(")", Self::expression)?;
        macros::expand(self, at, Some(of), name, args)
    }

    /// What stands between here and the closing symbol, divided by commas; a comma may stand at the end.
    fn list<T>(&mut self, close: &str, one: fn(&mut Self) -> Result<T, CompileError>) -> Result<Vec<T>, CompileError> {
        let mut all = Vec::new();
        while !self.eat(close) {
            all.push(one(self)?);
            if !self.eat(",") {
                self.expect(close)?;
                break;
            }
        }
        Ok(all)
    }

    fn primary(&mut self) -> Parsed {
        let at = self.at();
        let value = match self.take() {
            Token::Int(digits) => self.integer(at, &digits)?,
            Token::Uint(number) => Value::Uint(number),
            Token::Double(number) => Value::Double(number),
            Token::String(text) => Value::text(text),
            Token::Bytes(bytes) => Value::Bytes(bytes.into()),
            Token::Symbol("(") => {
                let node = self.expression()?;
                self.expect(")")?;
                return Ok(node);
            }
            Token::Symbol("[") => {
                let items = self.list("]", Self::item)?;
                return self.node(at, Expr::List(items));
            }
            Token::Symbol("{") => {
                let entries = self.list("}", Self::entry)?;
                return self.node(at, Expr::Map(entries));
            }
            Token::Symbol(".") => match self.take() {
                Token::Name(name) => return self.name(at, name),
                other => return Err(self.unexpected(&other)),
            },
            Token::Name(name) => return self.name(at, name),
            other => return Err(self.error(at, format!("Syntax error: unexpected {}", describe(&other)))),
        };
        self.node(at, Expr::Literal(value))
    }

    /// A constant, a variable, a function or an object.
    fn name(&mut self, at: usize, name: String) -> Parsed {
        match name.as_str() {
            "true" => return self.node(at, Expr::Literal(Value::Bool(true))),
            "false" => return self.node(at, Expr::Literal(Value::Bool(false))),
            "null" => return self.node(at, Expr::Literal(Value::Null)),
            _ => {}
        }
        if RESERVED.contains(&name.as_str()) {
            return Err(self.error(at, format!("reserved identifier: {name}")));
        }
        if let Some(qualified) = self.object_name(&name) {
            let fields = self.list("}", Self::object_field)?;
            return self.node(at, Expr::Struct { name: qualified, fields });
        }
        if self.eat("(") {
            let args = self.list(")", Self::expression)?;
            return macros::expand(self, at, None, name, args);
        }
        self.node(at, Expr::Name(name))
    }

    /// The whole name of the type if `name` begins an object such as `Object.spec{…}`; its brace is taken then.
    fn object_name(&mut self, name: &str) -> Option<String> {
        let mut qualified = name.to_owned();
        let mut next = self.next;
        while let [Placed { token: Token::Symbol("."), .. }, Placed { token: Token::Name(part), .. }, ..] =
            &self.tokens[next..]
        {
            qualified.push('.');
            qualified.push_str(part);
            next += 2;
        }
        if self.tokens[next].token != Token::Symbol("{") {
            return None;
        }
        self.next = next + 1;
        Some(qualified)
    }

    fn item(&mut self) -> Result<Item, CompileError> {
        Ok(Item { optional: self.eat("?"), node: self.expression()? })
    }

    fn entry(&mut self) -> Result<Entry, CompileError> {
        let optional = self.eat("?");
        let key = self.expression()?;
        self.expect(":")?;
        Ok(Entry { optional, key, value: self.expression()? })
    }

    fn object_field(&mut self) -> Result<Entry, CompileError> {
        let optional = self.eat("?");
        let at = self.at();
        let name = match self.take() {
            Token::Name(name) | Token::Quoted(name) => name,
            other => {
                return Err(self.error(at, format!("Syntax error: expecting a field name, found {}", describe(&other))));
            }
        };
        let key = self.node(at, Expr::Literal(Value::text(name)))?;
        self.expect(":")?;
        Ok(Entry { optional, key, value: self.expression()? })
    }
}

fn describe(token: &Token) -> String {
    match token {
        Token::Name(name) | Token::Quoted(name) | Token::Int(name) => format!("'{name}'"),
        Token::Uint(number) => format!("'{number}u'"),
        Token::Double(number) => format!("'{number}'"),
        Token::String(_) => "a string".to_owned(),
        Token::Bytes(_) => "bytes".to_owned(),
        Token::Symbol(symbol) => format!("'{symbol}'"),
        Token::End => "the end of the expression".to_owned(),
    }
}
