//! Lists.

use keyspace::db::Value;
use keyspace::list::NewList;

use super::super::format::{NODE_PACKED, NODE_PLAIN, kind};
use super::super::input::{Input, Malformed, Result};
use super::Context;
use super::listpack::Listpack;
use super::ziplist::Ziplist;

const BAD: Malformed = Malformed("Quicklist integrity check failed.");

pub(super) fn decode(kind: u8, input: &mut Input<'_>, context: Context<'_>) -> Result<Option<Value>> {
    let mut list = NewList::new(context.limits.list);
    match kind {
        kind::LIST => {
            for _ in 0..input.count(1)? {
                list.push(&input.string()?);
            }
        }
        kind::LIST_ZIPLIST => push_ziplist(&mut list, &input.string()?)?,
        kind::LIST_QUICKLIST => {
            for _ in 0..input.count(1)? {
                push_ziplist(&mut list, &input.string()?)?;
            }
        }
        _ => {
            for _ in 0..input.count(2)? {
                push_node(&mut list, input)?;
            }
        }
    }
    Ok(list.into_value())
}

fn push_ziplist(list: &mut NewList, bytes: &[u8]) -> Result<()> {
    let row = Ziplist::new(bytes)?;
    list.push_node(row.size(), row.iter());
    Ok(())
}

fn push_node(list: &mut NewList, input: &mut Input<'_>) -> Result<()> {
    let container = input.number()?;
    let bytes = input.string()?;
    match container {
        // A node of its own is for what is large.
        NODE_PLAIN if bytes.is_empty() => return Err(BAD),
        NODE_PLAIN => list.push(&bytes),
        NODE_PACKED => {
            let row = Listpack::new(&bytes)?;
            list.push_node(row.size(), row.iter());
        }
        _ => return Err(BAD),
    }
    Ok(())
}
