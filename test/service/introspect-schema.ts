/** A shop for films in small, with what real schemas have and no definition can say. */
export const FILM_SHOP = `
CREATE TYPE mpaa AS ENUM ('G', 'PG', 'it''s');
CREATE DOMAIN year AS integer CHECK (VALUE >= 1901 AND VALUE <= 2155);
CREATE TABLE language (
  language_id serial PRIMARY KEY, name varchar(20) NOT NULL UNIQUE, last_update timestamp NOT NULL DEFAULT now());
CREATE TABLE film (
  film_id serial PRIMARY KEY, title varchar(255) NOT NULL, release_year year,
  language_id int NOT NULL REFERENCES language, original_language_id int REFERENCES language ON DELETE SET NULL,
  rental_rate numeric(4,2) NOT NULL DEFAULT 4.99, rating mpaa DEFAULT 'G', special_features text[],
  search text GENERATED ALWAYS AS (upper(title)) STORED, meta jsonb NOT NULL DEFAULT '{}',
  "limit" int CHECK ("limit" > 0), "Release Date" date DEFAULT CURRENT_DATE,
  last_update timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE film IS 'Films we rent.';
COMMENT ON COLUMN film.title IS E'As printed: # on\\nthe "box"';
CREATE TABLE store (store_id serial PRIMARY KEY, manager_staff_id int NOT NULL UNIQUE);
CREATE TABLE staff (
  staff_id serial PRIMARY KEY, store_id int NOT NULL REFERENCES store, email varchar(50) UNIQUE,
  active boolean NOT NULL DEFAULT true, picture bytea);
ALTER TABLE store ADD FOREIGN KEY (manager_staff_id) REFERENCES staff;
CREATE TABLE film_actor (film_id int REFERENCES film, actor_id int, PRIMARY KEY (film_id, actor_id));
CREATE TABLE log (at timestamptz);
CREATE TABLE "Order Details" (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), "productId" bigint NOT NULL,
  status text NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'done', 'x y')),
  qty smallint NOT NULL CHECK (qty BETWEEN 1 AND 5), discount real, total numeric(20,4),
  code text CHECK (char_length(code) >= 2), CHECK (qty < total), UNIQUE ("productId", status));
CREATE TABLE customers (
  id text PRIMARY KEY, company varchar(40) NOT NULL, parent text REFERENCES customers ON DELETE CASCADE, ip inet NOT NULL);
CREATE TABLE gauges (
  id int PRIMARY KEY, a_b text, "A_B" text, weight real,
  i int CHECK (i > 3 AND i < 10) CHECK (i IN (4, 5)), j smallint CHECK (j > -100000) CHECK (j < 7) CHECK (j < 5), anything jsonb);
CREATE VIEW everything AS SELECT * FROM film;
`;
