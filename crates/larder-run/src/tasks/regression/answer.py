    (prediction,) = session.run(["prediction"], feed)
    return prediction[:, 0].tolist()
