//! Kinds of storage, and the drivers that provide it.

mod capacity;
mod csi_driver;
mod csi_node;
mod storage_class;
mod volume_attachment;
mod volume_attributes_class;

pub use capacity::CSI_STORAGE_CAPACITY;
pub use csi_driver::CSI_DRIVER;
pub use csi_node::CSI_NODE;
pub use storage_class::STORAGE_CLASS;
pub use volume_attachment::VOLUME_ATTACHMENT;
pub use volume_attributes_class::VOLUME_ATTRIBUTES_CLASS;
