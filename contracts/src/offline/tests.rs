mod arbitrary;
mod damage;
mod golden;
