import org.apache.spark.sql.SparkSession;

/** Writes the sum of the squares of the numbers below the first argument to the folder that is the second. */
public class SumOfSquares {
    public static void main(String[] arguments) {
        SparkSession spark = SparkSession.builder().getOrCreate();
        spark.range(Long.parseLong(arguments[0]))
            .selectExpr(new String[] {"sum(id * id) AS sum"})
            .write()
            .mode("overwrite")
            .json(arguments[1]);
        spark.stop();
    }
}
